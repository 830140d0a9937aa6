"""Scores of judged photos, which are read again for each encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.object_path import file_path
from indexer.types import Progress, ProgressCallback, Vectors
from retrieval.tuning.training_set import TrainingSet

if TYPE_CHECKING:
    from indexer.encoders.openclip_encoder import OpenClipEncoder
    from retrieval.tuning.lora.photo_reader import PhotoReader


class NumberedProgress:
    """Reports progress with the number of the current training.

    Attributes:
        number: Number of the training, 0 before the first.
    """

    def __init__(self, progress: ProgressCallback | None, total: int) -> None:
        """Report to `progress`.

        Args:
            progress: Called with each progress.
            total: Number of trainings.
        """
        self.number = 0
        self._progress, self._total = progress, total

    def __call__(self, progress: Progress) -> None:
        """Report a progress of the current training."""
        if self._progress is not None:
            stage = f"{progress.stage} ({self.number} of {self._total})" if self.number else progress.stage
            self._progress(Progress(stage, progress.done, progress.total))


def photo_scores(training_set: TrainingSet, encoder: OpenClipEncoder, vectors: Mapping[Path, Vectors]) -> Vectors:
    """Return the cosine of each judged photo with its query, shape (n,).

    Args:
        training_set: Judged photos with their query texts.
        encoder: Embeds the texts.
        vectors: Its embedding of every judged photo.
    """
    texts = encoder.encode_texts(list(training_set.query_texts))
    rows = zip(training_set.owners, training_set.files, strict=True)
    return np.array([texts[owner] @ vectors[file_path(file)] for owner, file in rows], dtype=np.float32)


def embed_readable(
    encoder: OpenClipEncoder, photos: PhotoReader, paths: Sequence[Path], *, progress: ProgressCallback
) -> dict[Path, Vectors]:
    """Return the unit vector of every photo that can be read, shape (d,)."""
    from retrieval.tuning.lora.inputs import embed_photos  # late: it imports torch

    return embed_photos(encoder, photos, paths, chunk=encoder.batch_size, stage="measuring", progress=progress)


def embed_required(
    encoder: OpenClipEncoder, photos: PhotoReader, paths: Sequence[Path], *, progress: ProgressCallback
) -> dict[Path, Vectors]:
    """Return the unit vector of every photo, shape (d,).

    Raises:
        TuningError: One of them cannot be read.
    """
    vectors = embed_readable(encoder, photos, paths, progress=progress)
    photos.require(paths, vectors)
    return vectors
