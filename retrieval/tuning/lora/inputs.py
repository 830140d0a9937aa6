"""What a training knows before it begins: readable photos, frozen vectors, labels, hard negatives."""

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
from retrieval.tuning.lora.data import (
    Frozen,
    Labels,
    PairedQuery,
    Photos,
    judged_paths,
    label,
    mine_hard_negatives,
    readable,
)


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """One side of the judgements, for training or for validation.

    Attributes:
        queries: Those with a good photo that can be read.
        frozen: Vectors before training.
        labels: Which photo answers which query.
        mined: Rows of each query's hard negatives.
        judged: How many of the photos, the first, somebody judged.
    """

    queries: tuple[PairedQuery, ...]
    frozen: Frozen
    labels: Labels
    mined: tuple[tuple[int, ...], ...]
    judged: int


def look(
    encoder: OpenClipEncoder,
    photos: Photos,
    paths: Sequence[Path],
    *,
    chunk: int,
    stage: str = "looking",
    progress: ProgressCallback | None,
) -> dict[Path, NDArray[np.float32]]:
    """Return the unit vector of every photo that can be read; a chunk of pictures is held at once."""
    found: dict[Path, NDArray[np.float32]] = {}
    held: list[tuple[Path, NDArray[np.uint8]]] = []

    def encode() -> None:
        if held:
            vectors = encoder.encode_images(np.stack([pixels for _, pixels in held]))
            found.update(zip((path for path, _ in held), vectors, strict=True))
            held.clear()

    for done, each in enumerate(photos.stream(paths)):
        held.append(each)
        if len(held) == chunk:
            encode()
        if progress:
            progress(Progress(stage, done + 1, len(paths)))
    encode()
    return found


def gather(
    queries: Sequence[PairedQuery],
    others: Sequence[Path],
    *,
    vectors: dict[Path, NDArray[np.float32]],
    texts: Callable[[Sequence[str]], Vectors],
) -> Material:
    """Return the queries with their vectors, labels and hard negatives.

    Raises:
        TuningError: No query keeps a good photo.
    """
    usable = readable(queries, vectors)
    if not usable:
        raise TuningError(
            f"none of {len(queries)} judged queries has a good photo that can be read; judge a query with a good one"
        )
    judged = judged_paths(usable)
    known = set(judged)
    paths = [*judged, *(path for path in dict.fromkeys(others) if path in vectors and path not in known)]
    frozen = Frozen(
        paths=tuple(paths),
        photos=np.stack([vectors[path] for path in paths]),
        queries=texts([query.text for query in usable]),
        prompts=texts(list(prompts())),
    )
    labels = label(usable, frozen)
    mined = tuple(tuple(rows) for rows in mine_hard_negatives(labels, frozen, usable))
    return Material(tuple(usable), frozen, labels, mined, len(judged))
