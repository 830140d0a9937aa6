"""New weights measured on photos that are read again for them: those that were judged, and those of a control set.

What was before is measured as what comes after is, on the photos that could be read at the beginning: embeddings of
the library may be mapped, in int8, or of a file that was replaced since, and a gain over those is none of learning.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import EvaluationError, TuningError
from indexer.types import Ids, Progress, ProgressCallback, Vectors
from retrieval.calibration.background import prompts
from retrieval.evaluation.caption_retrieval import rank_both_ways
from retrieval.evaluation.datasets import read_captions
from retrieval.tuning.control_set import SMALLEST
from retrieval.tuning.training_set import TrainingSet

if TYPE_CHECKING:
    from indexer.encoders.openclip_encoder import OpenClipEncoder
    from retrieval.tuning.lora.data import Photos
    from retrieval.tuning.lora.weights import NewWeights

logger = logging.getLogger(__name__)

HELD = 50_000_000
"""Bytes of decoded photos that are kept between two measurements: 300 of the usual 224 x 224."""

PICTURES = 1000
"""Pictures of a table to measure with at most: each is encoded some thirty times."""


class NumberedProgress:
    """Tells progress with the number of the training that it belongs to.

    Attributes:
        number: Of the training, 0 before the first.
    """

    def __init__(self, progress: ProgressCallback | None, total: int) -> None:
        """Tell it to `progress`, of so many trainings."""
        self.number = 0
        self._progress, self._total = progress, total

    def __call__(self, each: Progress) -> None:
        """Pass it on."""
        if self._progress is not None:
            stage = f"{each.stage} ({self.number} of {self._total})" if self.number else each.stage
            self._progress(Progress(stage, each.done, each.total))


def weight_scores(lessons: TrainingSet, encoder: OpenClipEncoder, vectors: Mapping[Path, Vectors]) -> Vectors:
    """Return the cosine of each judged photo with its query under an encoder, shape (n,).

    Args:
        lessons: With words and files.
        encoder: For the words.
        vectors: What it gives for every file of theirs.
    """
    texts = encoder.encode_texts(list(lessons.words))
    scores = [texts[owner] @ vectors[Path(file)] for owner, file in zip(lessons.owners, lessons.files, strict=True)]
    return np.array(scores, dtype=np.float32)


def pairs(lessons: TrainingSet) -> list[tuple[str, str]]:
    """Return query and file of each judged photo."""
    return [(lessons.words[owner], file) for owner, file in zip(lessons.owners, lessons.files, strict=True)]


def files_of(lessons: TrainingSet) -> list[Path]:
    """Return every judged photo once, in order of first use."""
    return list(dict.fromkeys(map(Path, lessons.files)))


def embed_readable(
    encoder: OpenClipEncoder, photos: Photos, paths: Sequence[Path], *, progress: ProgressCallback
) -> dict[Path, Vectors]:
    """Return an encoder's unit vector of every photo that can be read now, shape (d,)."""
    from retrieval.tuning.lora.inputs import look  # late: the package imports torch

    return look(encoder, photos, paths, chunk=encoder.batch_size, stage="measuring", progress=progress)


def embed_required(
    encoder: OpenClipEncoder, photos: Photos, paths: Sequence[Path], *, progress: ProgressCallback
) -> dict[Path, Vectors]:
    """Return an encoder's unit vector of every photo, all of which could be read before.

    Raises:
        TuningError: One cannot be read now.
    """
    vectors = embed_readable(encoder, photos, paths, progress=progress)
    photos.require(paths, vectors)
    return vectors


@dataclass(frozen=True, slots=True)
class PhotoControlSet:
    """Texts and the photos that they mean, which are read again for every encoder.

    Attributes:
        name: What it is, for people.
        texts: The texts.
        paths: The photos, all of which could be read at the beginning.
        owners: The photo that each text means, a row of `paths`, ascending; shape (t,).
        photos: Decodes them.
        before: R@5 of the encoder before training, points.
        progress: Told each photo.
    """

    name: str
    texts: Sequence[str]
    paths: Sequence[Path]
    owners: Ids
    photos: Photos
    before: float
    progress: ProgressCallback

    def r5(self, change: NewWeights | None, /) -> float:
        """Return for how many of 100 texts the right photo is among the first five.

        Raises:
            TuningError: A photo cannot be read any more.
        """
        if change is None:
            return self.before
        vectors = embed_required(change.encoder, self.photos, self.paths, progress=self.progress)
        return _r5(change.encoder, self.texts, np.stack([vectors[path] for path in self.paths]), self.owners)


def table_control_set(
    table: Path, start: OpenClipEncoder, photos: Photos, *, progress: ProgressCallback
) -> PhotoControlSet:
    """Return a control set from a table of captioned pictures, at most `PICTURES` of them, evenly spaced.

    Raises:
        EvaluationError: The table cannot be used, or none of its pictures can be read.
    """
    pictures, name = read_captions(table), table.name
    if len(pictures) > PICTURES:
        name = f"{name}, {PICTURES} of its {len(pictures)} pictures"
        pictures = [pictures[row] for row in np.arange(PICTURES) * len(pictures) // PICTURES]
    vectors = embed_readable(start, photos, [picture.path for picture in pictures], progress=progress)
    here = [picture for picture in pictures if picture.path in vectors and picture.captions]
    if not here:
        raise EvaluationError(
            f"none of the photos of {table} can be read and has a caption; expected them in images/ beside the table"
        )
    if len(here) < len(pictures):
        logger.warning("%d of %d pictures of %s cannot be used and are left out", len(pictures) - len(here),
                       len(pictures), table)  # fmt: skip
    texts = [caption for picture in here for caption in picture.captions]
    owners: Ids = np.repeat(np.arange(len(here)), [len(picture.captions) for picture in here])
    paths = [picture.path for picture in here]
    before = _r5(start, texts, np.stack([vectors[path] for path in paths]), owners)
    return PhotoControlSet(name, texts, paths, owners, photos, before, progress)


def photo_control_set(
    measured: Sequence[Path], start: OpenClipEncoder, photos: Photos, *, progress: ProgressCallback
) -> PhotoControlSet:
    """Return a control set from photos of a library: fixed prompts, each with its nearest photo before training.

    Raises:
        TuningError: Fewer than `SMALLEST` photos can be read.
    """
    vectors = embed_readable(start, photos, list(dict.fromkeys(measured)), progress=progress)
    paths = list(vectors)
    if len(paths) < SMALLEST:
        raise TuningError(
            f"{len(paths)} photos of the library have no judgement and can be read; to see whether learning harms "
            f"other searches needs {SMALLEST}: index more, or name a table of captioned photos with --control-set"
        )
    rows = np.stack(list(vectors.values()))
    found = np.argmax(start.encode_texts(list(prompts())) @ rows.T, axis=1)
    order = np.argsort(found, kind="stable")
    texts, owners = [prompts()[row] for row in order.tolist()], found[order].astype(np.int64)
    name = f"{len(texts)} prompts on {len(paths)} photos of the library"
    return PhotoControlSet(name, texts, paths, owners, photos, _r5(start, texts, rows, owners), progress)


def _r5(encoder: OpenClipEncoder, texts: Sequence[str], rows: Vectors, owners: Ids) -> float:
    forward, _ = rank_both_ways(encoder.encode_texts(list(texts)), rows, owners)
    return float(100 * np.mean(forward.ranks < 5))
