"""A control set whose photos are read again for each encoder.

The embeddings in the library do not measure the encoder before training: they may be approximate, from an int8 encoder,
or of a file that was replaced since, and a gain over those would not be a gain of the training. So before and after
are measured alike, on the photos that could be read at the beginning.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import EvaluationError, TuningError
from indexer.types import Ids, ProgressCallback, Vectors
from retrieval.calibration.background import prompts
from retrieval.evaluation.caption_retrieval import rank_both_ways
from retrieval.evaluation.datasets import read_captions
from retrieval.tuning.control_set.control_set import MIN_PHOTOS
from retrieval.tuning.lora.scores import embed_readable, embed_required

if TYPE_CHECKING:
    from indexer.encoders.openclip_encoder import OpenClipEncoder
    from retrieval.tuning.lora.photo_reader import PhotoReader
    from retrieval.tuning.lora.weights import InterpolatedWeights

logger = logging.getLogger(__name__)

CACHE_BYTES = 50_000_000
"""Bytes of decoded photos that are kept between two measurements: 300 photos of the usual 224 x 224."""

MAX_PICTURES = 1000
"""Pictures of a table to measure on, at most: each is embedded some thirty times."""


@dataclass(frozen=True, slots=True)
class PhotoControlSet:
    """Texts and the photos that they describe, which are read again for each encoder.

    Attributes:
        name: Its name, for people.
        texts: The texts.
        paths: The photos, all of which could be read at the beginning.
        owners: The photo that each text describes, a row of `paths`, ascending; shape (t,).
        photos: Decodes them.
        before: R@5 of the encoder before training, points.
        progress: Called for each photo.
    """

    name: str
    texts: Sequence[str]
    paths: Sequence[Path]
    owners: Ids
    photos: PhotoReader
    before: float
    progress: ProgressCallback

    def recall_at_5(self, change: InterpolatedWeights | None, /) -> float:
        """Return the percentage of texts whose photo is among the first five.

        Raises:
            TuningError: A photo can no longer be read.
        """
        if change is None:
            return self.before
        vectors = embed_required(change.encoder, self.photos, self.paths, progress=self.progress)
        return _recall_at_5(change.encoder, self.texts, np.stack([vectors[path] for path in self.paths]), self.owners)


def table_control_set(
    table: Path, start: OpenClipEncoder, photos: PhotoReader, *, progress: ProgressCallback
) -> PhotoControlSet:
    """Return a control set from a table of captioned pictures, at most `MAX_PICTURES` of them, evenly spaced.

    Raises:
        EvaluationError: The table cannot be used, or none of its pictures can be read.
    """
    pictures, name = read_captions(table), table.name
    if len(pictures) > MAX_PICTURES:
        name = f"{name}, {MAX_PICTURES} of its {len(pictures)} pictures"
        pictures = [pictures[row] for row in np.arange(MAX_PICTURES) * len(pictures) // MAX_PICTURES]
    vectors = embed_readable(start, photos, [picture.path for picture in pictures], progress=progress)
    usable = [picture for picture in pictures if picture.path in vectors and picture.captions]
    if not usable:
        raise EvaluationError(
            f"none of the photos of {table} can be read and has a caption; expected them in the folder images/ next to "
            "the table"
        )
    if len(usable) < len(pictures):
        logger.warning("%d of %d pictures of %s cannot be used and are left out", len(pictures) - len(usable),
                       len(pictures), table)  # fmt: skip
    texts = [caption for picture in usable for caption in picture.captions]
    owners: Ids = np.repeat(np.arange(len(usable)), [len(picture.captions) for picture in usable])
    paths = [picture.path for picture in usable]
    before = _recall_at_5(start, texts, np.stack([vectors[path] for path in paths]), owners)
    return PhotoControlSet(name, texts, paths, owners, photos, before, progress)


def photo_control_set(
    paths: Sequence[Path], start: OpenClipEncoder, photos: PhotoReader, *, progress: ProgressCallback
) -> PhotoControlSet:
    """Return a control set from photos of a library: fixed prompts, each with its nearest photo before training.

    Raises:
        TuningError: Fewer than `MIN_PHOTOS` photos can be read.
    """
    vectors = embed_readable(start, photos, list(dict.fromkeys(paths)), progress=progress)
    readable = list(vectors)
    if len(readable) < MIN_PHOTOS:
        raise TuningError(
            f"{len(readable)} photos of the library have no judgement and can be read; the control set needs "
            f"{MIN_PHOTOS}: index more photos, or name a table of captioned photos with --control-set"
        )
    rows = np.stack(list(vectors.values()))
    nearest = np.argmax(start.encode_texts(list(prompts())) @ rows.T, axis=1)
    order = np.argsort(nearest, kind="stable")
    texts, owners = [prompts()[row] for row in order.tolist()], nearest[order].astype(np.int64)
    name = f"{len(texts)} prompts on {len(readable)} photos of the library"
    before = _recall_at_5(start, texts, rows, owners)
    return PhotoControlSet(name, texts, readable, owners, photos, before, progress)


def _recall_at_5(encoder: OpenClipEncoder, texts: Sequence[str], rows: Vectors, owners: Ids) -> float:
    forward, _ = rank_both_ways(encoder.encode_texts(list(texts)), rows, owners)
    return float(100 * np.mean(forward.ranks < 5))
