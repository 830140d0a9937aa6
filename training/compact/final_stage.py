"""What the last round is trained on besides the photos: drawings, and nouns moved towards what they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.types import Vectors
from training.compact.data import TrainingPhoto
from training.compact.finetune import FinetuneData
from training.compact.pairs import Pairs, Rows, pair_up
from training.compact.student import tokenize
from training.compact.synthetic import Drawing


def with_drawings(
    lessons: FinetuneData,
    made: Sequence[Drawing],
    *,
    photos: Sequence[TrainingPhoto],
    rows: Rows,
    features: NDArray[np.float16],
    drawn: NDArray[np.float16],
    lines: Sequence[str],
    anchor: Callable[[list[str]], Vectors],
) -> FinetuneData:
    """Return the lessons with drawings after the photos and their words after the corpus.

    The image teacher has no say about drawings: it was never shown any.

    Args:
        lessons: Of the photos alone.
        made: The drawings.
        photos: All photos.
        rows: Which of them to train on.
        features: Of the photos from the tower as it is, shape (views, photos, 1280).
        drawn: Of the drawings, shape (views, drawings, 1280).
        lines: The corpus.
        anchor: Gives unit vectors of new lines in the common space.
    """
    known = set(lines)
    new = [line for line in dict.fromkeys(line for drawing in made for line in drawing.captions) if line not in known]
    numbers = {line: number for number, line in enumerate([*lines, *new])}
    nothing = np.zeros((len(drawn), len(made), drawn.shape[2]), dtype=np.float16)
    return replace(
        lessons,
        before=np.concatenate([lessons.before, nothing], axis=1),
        features=np.concatenate([features, drawn], axis=1),
        judged=np.concatenate([lessons.judged, np.zeros(len(made), dtype=bool)]),
        pairs=_pairs_with(photos, rows, made, numbers),
        tokens=np.concatenate([lessons.tokens, tokenize(new)]),
        anchors=np.concatenate([lessons.anchors, anchor(new).astype(np.float16)]),
    )


def _pairs_with(
    photos: Sequence[TrainingPhoto], rows: Rows, made: Sequence[Drawing], numbers: Mapping[str, int]
) -> Pairs:
    extra = [
        TrainingPhoto(Path(f"{n}.png"), "drawings", drawing.captions, drawing.kind, "")
        for n, drawing in enumerate(made)
    ]
    all_rows = np.concatenate([rows, np.arange(len(photos), len(photos) + len(extra))])
    return pair_up([*photos, *extra], all_rows, numbers)


def move_to_broader(
    anchors: NDArray[np.float16], numbers: Mapping[str, int], broad: Mapping[str, str], wide: Vectors, *, share: float
) -> NDArray[np.float16]:
    """Return the anchors with those of narrow lines moved towards their broad line, unit length.

    An image tower that has never seen an astronaut still sees a person: so a word of which it knows nothing should
    find people before it finds rockets.

    Args:
        anchors: Unit vectors of the corpus, shape (lines, d); not changed.
        numbers: The number of each line of the corpus.
        broad: For narrow lines their broad line.
        wide: Unit vectors of the broad lines, in the order of `sorted(set(broad.values()))`.
        share: How far they move; 0 leaves them.
    """
    places = {line: place for place, line in enumerate(sorted(set(broad.values())))}
    found = [(numbers[line], places[target]) for line, target in broad.items() if line in numbers]
    if not found:
        return anchors
    rows, targets = np.asarray(found).T
    moved = (1 - share) * anchors[rows].astype(np.float32) + share * wide[targets]
    result = anchors.copy()
    result[rows] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return result
