"""Which text goes with which photo in one pass over the training set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.compact.corpus import class_lines
from training.compact.data import TrainingPhoto

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Photos with the lines that describe them.

    Attributes:
        photos: Row of each photo in the cached views, shape (n,).
        texts: For each photo the numbers of its lines in the corpus; all are right.
        groups: Photos of one class share a group, every captioned photo is its own, shape (n,).
        captioned: Whether people described it, shape (n,), bool.
    """

    photos: Rows
    texts: tuple[Rows, ...]
    groups: Rows
    captioned: NDArray[np.bool_]

    def sample(self, rows: Rows, each: int, random: np.random.Generator) -> tuple[Rows, Rows]:
        """Return `each` different lines of every captioned photo in `rows` and one of every other.

        Returns:
            Line numbers, shape (m,), and for each the place in `rows` of the photo that it describes, shape (m,).
        """
        lines: list[Rows] = []
        owners: list[Rows] = []
        for place, row in enumerate(rows):
            count = min(each if self.captioned[row] else 1, len(self.texts[row]))
            lines.append(random.choice(self.texts[row], size=count, replace=False))
            owners.append(np.full(count, place, dtype=np.int64))
        return np.concatenate(lines), np.concatenate(owners)


def pair_up(photos: Sequence[TrainingPhoto], rows: Rows, numbers: Mapping[str, int]) -> Pairs:
    """Return the pairs of some photos.

    Args:
        photos: Every photo.
        rows: Which of them to use, ascending.
        numbers: The number of each line of the corpus.
    """
    chosen = [photos[row] for row in rows]
    classes = {name: number for number, name in enumerate(sorted({p.label.lower() for p in chosen if p.label}))}
    groups = [classes[p.label.lower()] if p.label else len(classes) + place for place, p in enumerate(chosen)]
    return Pairs(
        photos=rows,
        texts=tuple(_lines_of(photo, numbers) for photo in chosen),
        groups=np.asarray(groups, dtype=np.int64),
        captioned=np.asarray([not photo.label for photo in chosen]),
    )


def _lines_of(photo: TrainingPhoto, numbers: Mapping[str, int]) -> Rows:
    lines = dict.fromkeys(photo.captions)
    if photo.label:
        lines |= dict.fromkeys(class_lines([photo.label]))
    return np.asarray([numbers[line] for line in lines if line in numbers], dtype=np.int64)


def epoch(pairs: Pairs, *, batch: int, share: float, random: np.random.Generator) -> list[Rows]:
    """Return batches of rows of the pairs: every captioned photo and a random share of the others, mixed.

    Args:
        pairs: The training set.
        batch: Photos per batch, fewer where there are not so many; what does not fill one is left out this time.
        share: Part of the labelled photos taken, 0 to 1.
        random: For the choice and the order.
    """
    taken = pairs.captioned | (random.random(len(pairs.captioned)) < share)
    order = random.permutation(np.flatnonzero(taken))
    batch = max(1, min(batch, len(order)))
    return [order[start : start + batch] for start in range(0, len(order) - batch + 1, batch)]
