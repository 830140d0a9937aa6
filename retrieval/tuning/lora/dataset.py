"""Lessons of words and photos: which can be learnt from with the photos themselves, and what is beside them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import TuningError
from indexer.types import Vectors
from retrieval.tuning.control_set import SMALLEST
from retrieval.tuning.lora.evaluate import files_of
from retrieval.tuning.training_set import TrainingSet

if TYPE_CHECKING:
    from retrieval.tuning.lora.data import PairedQuery, Photos

logger = logging.getLogger(__name__)

STOPPED = 200
"""Judged queries from which a fifth of each training's decides at which epoch it stops.

Ten of fifty stop by chance: users who mean one class gained .137 of nDCG@10 so, and .190 where none was held out (five
users, `tests.bench.lora_users`).
"""

STEPS = 48
"""Steps that a training takes, about: general searches lose half a point to one of R@5 (`tests.bench.lora_users`)."""

EPOCHS = (4, 20)
"""Of a training, at least and at most."""

OTHERS = 400
"""Unjudged photos to learn beside: half the nearest to the queries, half at random."""

CONTROL_PHOTOS = 300
"""Unjudged photos of the library to measure with, at most half of them: none is among those that are learnt beside."""


def of_words_and_photos(lessons: TrainingSet) -> TrainingSet:
    """Return the photos that were judged for queries of one text, of queries that keep a good one."""
    units = lessons.are_photos
    good = np.bincount(lessons.owners[units & lessons.good], minlength=len(lessons.names)) > 0
    worded = np.array([bool(each) for each in lessons.words], dtype=np.bool_)
    return lessons.take(np.flatnonzero(good & worded), units)


def to_pairs(lessons: TrainingSet) -> list[PairedQuery]:
    """Return the lessons as words and files."""
    from retrieval.tuning.lora.data import PairedQuery  # late: the package imports torch

    found = []
    for number, words in enumerate(lessons.words):
        mine = np.flatnonzero(lessons.owners == number)
        good = tuple(Path(lessons.files[row]) for row in mine if lessons.good[row])
        bad = tuple(Path(lessons.files[row]) for row in mine if not lessons.good[row])
        found.append(PairedQuery(words, good, bad))
    return found


def split(queries: list[PairedQuery], seed: int, *, stops: bool) -> tuple[list[PairedQuery], list[PairedQuery]]:
    """Return queries to learn from and, where asked for, a fifth of them to stop by; else it trains to the end."""
    order = np.random.default_rng([seed, 1]).permutation(len(queries))
    held = len(queries) // 5 if stops else 0
    return [queries[row] for row in order[held:]], [queries[row] for row in order[:held]]


def epochs_for(queries: int, batch: int) -> int:
    """Return how many times so many queries are learnt from, `batch` in a step."""
    fewest, most = EPOCHS
    return min(most, max(fewest, round(STEPS / max(1, ceil(queries / batch)))))


def drop_unreadable(lessons: TrainingSet, vectors: Mapping[Path, Vectors], photos: Photos) -> tuple[TrainingSet, int]:
    """Return the lessons whose photos can be read, and how many judgements are of others.

    Raises:
        TuningError: None can.
    """
    here = np.array([Path(file) in vectors for file in lessons.files], dtype=np.bool_)
    gone = int((~here).sum())
    if not gone:
        return lessons, 0
    missing = {path: photos.unreadable[path] for path in files_of(lessons) if path not in vectors}
    if not vectors:
        path, reason = next(iter(missing.items()))
        raise TuningError(
            f"none of {len(missing)} judged photos can be read, first {path}: {reason}; are their disks there?"
        )
    log_missing(missing, "judged photos", len(files_of(lessons)))
    return of_words_and_photos(lessons.take(np.arange(len(lessons.names)), here)), gone


def log_missing(missing: Mapping[Path, str], what: str, total: int) -> None:
    """Log in one line which photos are left out."""
    path, reason = next(iter(missing.items()))
    logger.warning(
        "%d of %d %s cannot be read and are left out, first %s: %s; are their disks there?",
        len(missing), total, what, path, reason,
    )  # fmt: skip


def unjudged_sample(lessons: TrainingSet, *, with_control_set: bool) -> tuple[list[Path], list[Path]]:
    """Return unjudged photos to learn beside, and others to measure with: half, but at least the fewest that do."""
    files = [Path(each) for each in lessons.other_files]
    known = np.flatnonzero(lessons.others_are_photos)
    rows = np.array([row for row in known.tolist() if files[row].exists()], dtype=np.int64)
    if len(rows) < len(known):
        gone = sorted(set(known.tolist()) - set(rows.tolist()))
        log_missing({files[row]: "the file is gone" for row in gone}, "unjudged photos", len(known))
    drawn = np.random.default_rng(0).permutation(rows)
    size = min(CONTROL_PHOTOS, max(len(drawn) // 2, SMALLEST)) if with_control_set else 0
    measured, rest = drawn[:size], drawn[size:]
    near = np.zeros(0, dtype=np.int64)
    if len(rest) and len(lessons.texts):
        near = rest[np.argsort(-(lessons.others[rest] @ lessons.texts.T).max(axis=1), kind="stable")[: OTHERS // 2]]
    chosen = list(dict.fromkeys([*near.tolist(), *rest[: OTHERS // 2].tolist()]))
    return [files[row] for row in chosen], [files[row] for row in measured.tolist()]
