"""What a training is computed from: embeddings before training, labels and hard negatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.errors import TuningError
from indexer.types import Progress, ProgressCallback, Vectors
from retrieval.calibration.background import prompts
from retrieval.tuning.lora.labels import FrozenEmbeddings, Labels, label_photos, mine_hard_negatives
from retrieval.tuning.lora.paired_queries import PairedQuery, judged_paths, keep_readable
from retrieval.tuning.lora.photo_reader import PhotoReader


@dataclass(frozen=True, slots=True, eq=False)
class TrainingInputs:
    """The queries of a training or of its validation, with everything that is known of them before it begins.

    Attributes:
        queries: Queries with a good photo that can be read.
        frozen: Embeddings before training.
        labels: Which photo answers which query.
        negatives: Rows of each query's hard negatives.
        judged: Number of judged photos, which come first in `frozen.paths`.
    """

    queries: tuple[PairedQuery, ...]
    frozen: FrozenEmbeddings
    labels: Labels
    negatives: tuple[tuple[int, ...], ...]
    judged: int


def embed_photos(
    encoder: OpenClipEncoder,
    photos: PhotoReader,
    paths: Sequence[Path],
    *,
    chunk: int,
    stage: str = "embedding",
    progress: ProgressCallback | None,
) -> dict[Path, NDArray[np.float32]]:
    """Return the unit vector of every photo that can be read, shape (d,); at most `chunk` photos are in memory."""
    vectors: dict[Path, NDArray[np.float32]] = {}
    batch: list[tuple[Path, NDArray[np.uint8]]] = []

    def encode_batch() -> None:
        if batch:
            rows = encoder.encode_images(np.stack([pixels for _, pixels in batch]))
            vectors.update(zip((path for path, _ in batch), rows, strict=True))
            batch.clear()

    for done, photo in enumerate(photos.stream(paths)):
        batch.append(photo)
        if len(batch) == chunk:
            encode_batch()
        if progress:
            progress(Progress(stage, done + 1, len(paths)))
    encode_batch()
    return vectors


def prepare_inputs(
    queries: Sequence[PairedQuery],
    unjudged: Sequence[Path],
    *,
    vectors: dict[Path, NDArray[np.float32]],
    encode_texts: Callable[[Sequence[str]], Vectors],
) -> TrainingInputs:
    """Return the queries with their embeddings, labels and hard negatives.

    Args:
        queries: Judged queries.
        unjudged: Unjudged photos.
        vectors: The unit vector of every photo that can be read.
        encode_texts: Embeds texts.

    Raises:
        TuningError: No query has a good photo that can be read.
    """
    usable = keep_readable(queries, vectors)
    if not usable:
        raise TuningError(
            f"none of {len(queries)} judged queries has a good photo that can be read; judge a query with a good one"
        )
    judged = judged_paths(usable)
    judged_set = set(judged)
    paths = [*judged, *(path for path in dict.fromkeys(unjudged) if path in vectors and path not in judged_set)]
    frozen = FrozenEmbeddings(
        paths=tuple(paths),
        photos=np.stack([vectors[path] for path in paths]),
        queries=encode_texts([query.text for query in usable]),
        prompts=encode_texts(list(prompts())),
    )
    labels = label_photos(usable, frozen)
    negatives = tuple(tuple(rows) for rows in mine_hard_negatives(labels, frozen, usable))
    return TrainingInputs(tuple(usable), frozen, labels, negatives, len(judged))
