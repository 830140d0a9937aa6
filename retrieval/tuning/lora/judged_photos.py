"""The part of a training set that LoRA can use: judged photos of queries that consist of one text."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import TuningError
from indexer.object_path import file_path, is_object
from indexer.types import Vectors, collection_of
from retrieval.tuning.control_set.control_set import MIN_PHOTOS
from retrieval.tuning.lora.paired_queries import PairedQuery
from retrieval.tuning.training_set import TrainingSet

if TYPE_CHECKING:
    from retrieval.tuning.lora.photo_reader import PhotoReader

logger = logging.getLogger(__name__)

EARLY_STOPPING_QUERIES = 200
"""From this many judged queries on, a fifth of each training's decides at which epoch it stops.

Ten of fifty stop it by chance: users who mean one class gained .137 of nDCG@10 with them, and .190 without (five users,
`tests.bench.lora_users`).
"""

STEPS = 48
"""Steps of a training, about: general searches lose half a point to one of R@5 (`tests.bench.lora_users`)."""

EPOCHS = (4, 20)
"""The minimum and the maximum number of epochs."""

MAX_UNJUDGED = 400
"""Unjudged photos in a training: half of them the nearest to the queries, half at random."""

CONTROL_PHOTOS = 300
"""Unjudged photos in the control set, at most half of all; none of them is in a training."""


def select_trainable(training_set: TrainingSet) -> TrainingSet:
    """Return the judged photos of queries that consist of one text and have a good photo."""
    is_photo = training_set.are_photos
    has_good = np.bincount(training_set.owners[is_photo & training_set.good], minlength=len(training_set.names)) > 0
    is_one_text = np.array([bool(text) for text in training_set.query_texts], dtype=np.bool_)
    return training_set.take(np.flatnonzero(has_good & is_one_text), is_photo)


def judged_pairs(training_set: TrainingSet) -> list[tuple[str, str]]:
    """Return the query text and the file of each judged photo."""
    texts = [training_set.query_texts[owner] for owner in training_set.owners]
    return list(zip(texts, training_set.files, strict=True))


def judged_files(training_set: TrainingSet) -> list[Path]:
    """Return every judged photo once, in order of first use."""
    return list(dict.fromkeys(map(file_path, training_set.files)))


def to_pairs(training_set: TrainingSet) -> list[PairedQuery]:
    """Return the training set as texts with their good and bad photos."""
    queries = []
    for number, text in enumerate(training_set.query_texts):
        rows = np.flatnonzero(training_set.owners == number)
        good = tuple(file_path(training_set.files[row]) for row in rows if training_set.good[row])
        bad = tuple(file_path(training_set.files[row]) for row in rows if not training_set.good[row])
        queries.append(PairedQuery(text, good, bad))
    return queries


def split(
    queries: list[PairedQuery], seed: int, *, early_stopping: bool
) -> tuple[list[PairedQuery], list[PairedQuery]]:
    """Return queries for training and queries for validation: a fifth of them with early stopping, none without."""
    order = np.random.default_rng([seed, 1]).permutation(len(queries))
    size = len(queries) // 5 if early_stopping else 0
    return [queries[row] for row in order[size:]], [queries[row] for row in order[:size]]


def epochs_for(queries: int, batch: int) -> int:
    """Return the number of epochs for a number of queries, `batch` of them in a step."""
    minimum, maximum = EPOCHS
    return min(maximum, max(minimum, round(STEPS / max(1, ceil(queries / batch)))))


def drop_unreadable(
    training_set: TrainingSet, vectors: Mapping[Path, Vectors], photos: PhotoReader
) -> tuple[TrainingSet, int]:
    """Return the training set without photos that cannot be read, and how many judgements that leaves out.

    Args:
        training_set: Judged photos.
        vectors: The embeddings of the readable ones.
        photos: Knows why the others cannot be read.

    Raises:
        TuningError: None can be read.
    """
    is_readable = np.array([file_path(file) in vectors for file in training_set.files], dtype=np.bool_)
    count = int((~is_readable).sum())
    if not count:
        return training_set, 0
    files = judged_files(training_set)
    missing = {path: photos.unreadable[path] for path in files if path not in vectors}
    if not vectors:
        path, reason = next(iter(missing.items()))
        raise TuningError(
            f"none of {len(missing)} judged photos can be read, first {path}: {reason}; check that their disks are "
            "connected"
        )
    log_missing(missing, "judged photos", len(files))
    return select_trainable(training_set.take(np.arange(len(training_set.names)), is_readable)), count


def log_missing(missing: Mapping[Path, str], kind: str, total: int) -> None:
    """Log in one line how many photos of a kind are left out, and why the first one is."""
    path, reason = next(iter(missing.items()))
    logger.warning(
        "%d of %d %s cannot be read and are left out, first %s: %s; check that their disks are connected",
        len(missing), total, kind, path, reason,
    )  # fmt: skip


def _is_file(path: Path) -> bool:
    """Return whether a photo has a file, which added items need not have."""
    return collection_of(str(path)) is None and (is_object(path) or path.exists())


def sample_unjudged(training_set: TrainingSet, *, with_control_set: bool) -> tuple[list[Path], list[Path]]:
    """Return unjudged photos for training, and others for the control set, none if another one is used.

    The control set takes half of the photos, but at least as many as it needs.
    """
    files = [file_path(file) for file in training_set.unjudged_files]
    unjudged = np.flatnonzero(training_set.unjudged_are_photos)
    rows = np.array([row for row in unjudged.tolist() if _is_file(files[row])], dtype=np.int64)
    if len(rows) < len(unjudged):
        missing = sorted(set(unjudged.tolist()) - set(rows.tolist()))
        log_missing({files[row]: "it has no file" for row in missing}, "unjudged photos", len(unjudged))
    order = np.random.default_rng(0).permutation(rows)
    size = min(CONTROL_PHOTOS, max(len(order) // 2, MIN_PHOTOS)) if with_control_set else 0
    control, rest = order[:size], order[size:]
    nearest = np.zeros(0, dtype=np.int64)
    if len(rest) and len(training_set.texts):
        scores = (training_set.unjudged[rest] @ training_set.texts.T).max(axis=1)
        nearest = rest[np.argsort(-scores, kind="stable")[: MAX_UNJUDGED // 2]]
    training_rows = list(dict.fromkeys([*nearest.tolist(), *rest[: MAX_UNJUDGED // 2].tolist()]))
    return [files[row] for row in training_rows], [files[row] for row in control.tolist()]
