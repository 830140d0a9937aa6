"""Which text describes which photo, and the batches of an epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.compact.corpus import class_lines
from training.compact.photo_sets import TrainingPhoto

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Photos with the lines that describe them.

    Attributes:
        photos: Row of each photo in the cached views, shape (n,).
        texts: The lines of each photo, as numbers in the corpus; all are right.
        groups: The group of each photo, shape (n,): photos of one class share a group, a captioned photo has its own.
        is_captioned: Whether people described it, shape (n,), bool.
    """

    photos: Rows
    texts: tuple[Rows, ...]
    groups: Rows
    is_captioned: NDArray[np.bool_]

    def sample_lines(self, rows: Rows, captions: int, random: np.random.Generator) -> tuple[Rows, Rows]:
        """Return `captions` different lines of every captioned photo in `rows`, and one of every other photo.

        Returns:
            Line numbers, shape (m,), and the index in `rows` of the photo that each describes, shape (m,).
        """
        lines: list[Rows] = []
        owners: list[Rows] = []
        for index, row in enumerate(rows):
            count = min(captions if self.is_captioned[row] else 1, len(self.texts[row]))
            lines.append(random.choice(self.texts[row], size=count, replace=False))
            owners.append(np.full(count, index, dtype=np.int64))
        return np.concatenate(lines), np.concatenate(owners)


def make_pairs(photos: Sequence[TrainingPhoto], rows: Rows, numbers: Mapping[str, int]) -> Pairs:
    """Return the pairs of some photos.

    Args:
        photos: Every photo.
        rows: Which of them to use, ascending.
        numbers: The number of each line of the corpus.
    """
    subset = [photos[row] for row in rows]
    labels = sorted({photo.label.lower() for photo in subset if photo.label})
    classes = {label: number for number, label in enumerate(labels)}
    groups = [
        classes[photo.label.lower()] if photo.label else len(classes) + index for index, photo in enumerate(subset)
    ]
    return Pairs(
        photos=rows,
        texts=tuple(_photo_lines(photo, numbers) for photo in subset),
        groups=np.asarray(groups, dtype=np.int64),
        is_captioned=np.asarray([not photo.label for photo in subset]),
    )


def _photo_lines(photo: TrainingPhoto, numbers: Mapping[str, int]) -> Rows:
    lines = dict.fromkeys(photo.captions)
    if photo.label:
        lines |= dict.fromkeys(class_lines([photo.label]))
    return np.asarray([numbers[line] for line in lines if line in numbers], dtype=np.int64)


def epoch_batches(pairs: Pairs, *, batch: int, labelled_share: float, random: np.random.Generator) -> list[Rows]:
    """Return batches of rows of the pairs: every captioned photo and a random share of the labelled ones, mixed.

    Args:
        pairs: The training pairs.
        batch: Photos per batch, or all of them if there are fewer; what does not fill a batch is left out of the epoch.
        labelled_share: Share of the labelled photos, 0 to 1.
        random: Generator for the selection and the order.
    """
    is_selected = pairs.is_captioned | (random.random(len(pairs.is_captioned)) < labelled_share)
    order = random.permutation(np.flatnonzero(is_selected))
    batch = max(1, min(batch, len(order)))
    return [order[start : start + batch] for start in range(0, len(order) - batch + 1, batch)]


def training_batches(
    pairs: Pairs, *, epochs: int, batch: int, labelled_share: float, random: np.random.Generator
) -> list[Rows]:
    """Return the batches of all epochs, see `epoch_batches`."""
    return [
        rows
        for _ in range(epochs)
        for rows in epoch_batches(pairs, batch=batch, labelled_share=labelled_share, random=random)
    ]
