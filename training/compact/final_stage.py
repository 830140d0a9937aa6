"""The additional training data of the last round: drawings, and nouns moved towards their broader line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.types import Vectors
from training.compact.finetune import FinetuneData
from training.compact.pairs import Pairs, Rows, make_pairs
from training.compact.photo_sets import TrainingPhoto
from training.compact.student import tokenize
from training.compact.synthetic import Drawing


def add_drawings(
    data: FinetuneData,
    drawings: Sequence[Drawing],
    *,
    photos: Sequence[TrainingPhoto],
    rows: Rows,
    features: NDArray[np.float16],
    drawing_features: NDArray[np.float16],
    lines: Sequence[str],
    embed_lines: Callable[[list[str]], Vectors],
) -> FinetuneData:
    """Return the data with drawings after the photos and their captions after the corpus.

    The image teacher's classes of drawings do not count, because it was never trained on any.

    Args:
        data: Data of the photos alone.
        drawings: The drawings.
        photos: All photos.
        rows: Which of them to train on.
        features: Features of the photos from the current tower, shape (views, photos, 1280).
        drawing_features: Features of the drawings, shape (views, drawings, 1280).
        lines: The corpus.
        embed_lines: Returns unit vectors of new lines in the common space.
    """
    existing = set(lines)
    captions = dict.fromkeys(line for drawing in drawings for line in drawing.captions)
    new_lines = [line for line in captions if line not in existing]
    numbers = {line: number for number, line in enumerate([*lines, *new_lines])}
    unused = np.zeros((len(drawing_features), len(drawings), drawing_features.shape[2]), dtype=np.float16)
    return replace(
        data,
        teacher_features=np.concatenate([data.teacher_features, unused], axis=1),
        features=np.concatenate([features, drawing_features], axis=1),
        has_teacher=np.concatenate([data.has_teacher, np.zeros(len(drawings), dtype=bool)]),
        pairs=_pairs_with_drawings(photos, rows, drawings, numbers),
        tokens=np.concatenate([data.tokens, tokenize(new_lines)]),
        anchors=np.concatenate([data.anchors, embed_lines(new_lines).astype(np.float16)]),
    )


def _pairs_with_drawings(
    photos: Sequence[TrainingPhoto], rows: Rows, drawings: Sequence[Drawing], numbers: Mapping[str, int]
) -> Pairs:
    drawing_photos = [
        TrainingPhoto(Path(f"{number}.png"), "drawings", drawing.captions, drawing.kind, "")
        for number, drawing in enumerate(drawings)
    ]
    all_rows = np.concatenate([rows, np.arange(len(photos), len(photos) + len(drawing_photos))])
    return make_pairs([*photos, *drawing_photos], all_rows, numbers)


def move_to_broader(
    anchors: NDArray[np.float16],
    numbers: Mapping[str, int],
    broader_lines: Mapping[str, str],
    broader_vectors: Vectors,
    *,
    fraction: float,
) -> NDArray[np.float16]:
    """Return the anchors with those of narrow lines moved towards their broader line, unit length.

    An image tower that was never trained on an astronaut still recognises a person, so for a word that it does not know
    it should find people rather than rockets.

    Args:
        anchors: Unit vectors of the corpus, shape (lines, d); not changed.
        numbers: The number of each line of the corpus.
        broader_lines: The broader line of each narrow line.
        broader_vectors: Unit vectors of the broader lines, in the order of `sorted(set(broader_lines.values()))`.
        fraction: How far the anchors move, 0 to 1.
    """
    columns = {line: column for column, line in enumerate(sorted(set(broader_lines.values())))}
    pairs = [(numbers[line], columns[target]) for line, target in broader_lines.items() if line in numbers]
    if not pairs:
        return anchors
    rows, targets = np.asarray(pairs).T
    new_vectors = (1 - fraction) * anchors[rows].astype(np.float32) + fraction * broader_vectors[targets]
    result = anchors.copy()
    result[rows] = new_vectors / np.linalg.norm(new_vectors, axis=1, keepdims=True)
    return result
