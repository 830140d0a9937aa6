"""What is learnt from: judged queries with their photos, and unjudged photos beside them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from indexer.errors import PictureError, TuningError
from indexer.images import Limits
from indexer.images.workers import DecodePool
from indexer.types import Preprocess, Vectors
from retrieval.tuning.training_set import alike

Labels = NDArray[np.int8]
"""Of each query and photo, shape (queries, photos): 1 where it answers, 0 where it does not, -1 where that is open."""

GOOD, WRONG, OPEN = 1, 0, -1


@dataclass(frozen=True, slots=True)
class PairedQuery:
    """One judged query.

    Attributes:
        text: Its words.
        good: Photos that answer it.
        bad: Photos that were judged not to.
    """

    text: str
    good: tuple[Path, ...]
    bad: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class LoraPlan:
    """How long and how fast; the defaults suit some hundred judgements.

    Attributes:
        rank: Of each layer's update; 8 is what Hu et al. 2021 (table 6) found enough.
        alpha: The update is scaled by alpha over rank; twice the rank is the usual choice.
        epochs: Passes over the queries at most; early stopping ends most runs before.
        batch: Queries per step: all of their photos are negatives for each other.
        chunk: Photos or texts on the device at once. Memory grows with it, the result does not change.
        negatives: Photos per query and step that do not answer it, judged ones first, then mined ones.
        keep: Weight of staying where the frozen model was on unjudged photos and general prompts.
        kept: Unjudged photos and general prompts per step, of each.
        rate: Learning rate of AdamW, falling to zero along a half cosine.
        patience: Epochs without a better validation before it stops.
        seed: For everything random.
    """

    rank: int = 8
    alpha: int = 16
    epochs: int = 20
    batch: int = 8
    chunk: int = 32
    negatives: int = 3
    keep: float = 1.0
    kept: int = 16
    rate: float = 3e-4
    patience: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        whole = (self.rank, self.alpha, self.epochs, self.batch, self.chunk, self.patience)
        if min(whole) < 1 or min(self.negatives, self.kept) < 0 or self.keep < 0 or not 0 < self.rate < 1:
            raise ValueError(f"a plan's numbers are positive and its rate is below 1, not {self}")


class Photos:
    """Photos decoded as they are needed, in worker processes; what cannot be read is skipped and remembered.

    Attributes:
        unreadable: Why a photo could not be read, by path.
    """

    def __init__(
        self, preprocess: Preprocess, *, limits: Limits | None, workers: int, timeout: float = 60.0, hold: int = 0
    ) -> None:
        """Make the worker pool; a context manager closes it.

        Args:
            preprocess: As for `DecodePool`, as are the next three.
            limits: The same.
            workers: The same.
            timeout: The same.
            hold: Bytes of decoded photos to keep for the next time.
        """
        self.unreadable: dict[Path, str] = {}
        self._pool = DecodePool(preprocess=preprocess, limits=limits, workers=workers, timeout=timeout)
        self._held: dict[Path, NDArray[np.uint8]] = {}
        self._room = hold

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def stream(self, paths: Iterable[Path]) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
        """Yield the photos that can be read with their pixels, shape (size, size, 3): those held, then in their order.

        Of any number of photos the pool holds a bounded number at once.
        """
        wanted = list(paths)
        yield from ((path, self._held[path]) for path in wanted if path in self._held)
        absent = [path for path in wanted if path not in self._held]
        for path, photo in self._pool.imap(absent, path_of=lambda each: each):
            if photo is None or isinstance(photo, PictureError):
                self.unreadable[path] = str(photo)
                continue
            if photo.pixels.nbytes <= self._room and path not in self._held:
                self._held[path] = photo.pixels
                self._room -= photo.pixels.nbytes
            yield path, photo.pixels

    def require(self, paths: Iterable[Path], found: Container[Path]) -> None:
        """Refuse to go on without photos that could be read before.

        Raises:
            TuningError: One is not among those found now.
        """
        missing = [path for path in paths if path not in found]
        if missing:
            reason = self.unreadable.get(missing[0], "it is not there")
            raise TuningError(
                f"{len(missing)} photos that could be read before cannot be read any more, first {missing[0]}: "
                f"{reason}; put their disk back and run the same again: it goes on from its last epoch (without them "
                "it begins anew)"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """What the model gave before training, of everything that is learnt from.

    Attributes:
        paths: The photos that can be read, judged ones first.
        photos: Their unit vectors, shape (photos, d).
        queries: Of the queries' words, shape (queries, d).
        prompts: Of the general prompts, shape (prompts, d).
    """

    paths: tuple[Path, ...]
    photos: Vectors
    queries: Vectors
    prompts: Vectors


def judged_paths(queries: Sequence[PairedQuery]) -> list[Path]:
    """Return every judged photo once, in order of first use."""
    return list(dict.fromkeys(path for query in queries for path in (*query.good, *query.bad)))


def readable(queries: Sequence[PairedQuery], paths: Iterable[Path]) -> list[PairedQuery]:
    """Return the queries with the photos among `paths` alone, those that keep a good one; a disputed photo is left out.

    A photo that the same query has as good and as bad says nothing.
    """
    known, found = set(paths), []
    for query in queries:
        disputed = set(query.good) & set(query.bad)
        good = tuple(path for path in dict.fromkeys(query.good) if path in known - disputed)
        bad = tuple(path for path in dict.fromkeys(query.bad) if path in known - disputed)
        if good:
            found.append(PairedQuery(query.text, good, bad))
    return found


def label(queries: Sequence[PairedQuery], frozen: Frozen, *, guard: float = 0.95) -> Labels:
    """Return which photos answer which queries, and which count as wrong answers.

    What was judged is that. Another photo is wrong where it is more like the query's bad photos than like its good
    ones; of a query without bad ones, where its score stays below `guard` of the best good one's (the positive-aware
    mining of Moreira et al. 2024, section 3, so that a right answer that nobody judged is not pushed away) and it is no
    copy of a good one.

    Args:
        queries: With photos among `frozen.paths`.
        frozen: The vectors before training; `frozen.queries` has these queries' rows.
        guard: Part of the good score, and the cosine from which a photo counts as a copy of another.
    """
    rows: dict[Path, int] = {path: row for row, path in enumerate(frozen.paths)}
    labels = np.full((len(queries), len(rows)), OPEN, dtype=np.int8)
    for number, query in enumerate(queries):
        good, bad = [rows[path] for path in query.good], [rows[path] for path in query.bad]
        scores = frozen.photos @ frozen.queries[number]  # (photos,)
        likeness = (frozen.photos @ frozen.photos[good].T).max(axis=1)  # (photos,)
        if bad:
            wrong = (frozen.photos @ frozen.photos[bad].T).max(axis=1) > likeness
        else:
            best = float(scores[good].max())
            wrong = (scores < best - (1 - guard) * abs(best)) & (likeness < guard)
        labels[number, wrong] = WRONG
        labels[number, bad] = WRONG
        labels[number, good] = GOOD
    groups = alike(frozen.queries)
    for group in np.unique(groups):  # the same words again: what answered once is no wrong answer
        same = np.flatnonzero(groups == group)
        answered = (labels[same] == GOOD).any(axis=0)
        labels[same] = np.where(answered & (labels[same] != GOOD), OPEN, labels[same])
    return labels


def mine_hard_negatives(
    labels: Labels, frozen: Frozen, queries: Sequence[PairedQuery], *, most: int = 50
) -> list[list[int]]:
    """Return for each query the rows of its hard negatives: judged bad ones, then the nearest of the wrong, `most`."""
    rows = {path: row for row, path in enumerate(frozen.paths)}
    found: list[list[int]] = []
    for number, query in enumerate(queries):
        bad = [rows[path] for path in query.bad if labels[number, rows[path]] == WRONG]
        scores = np.where(labels[number] == WRONG, frozen.photos @ frozen.queries[number], -np.inf)
        nearest = [int(row) for row in np.argsort(-scores, kind="stable")[:most] if np.isfinite(scores[row])]
        found.append([*bad, *(row for row in nearest if row not in set(bad))])
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one step is computed from.

    Attributes:
        queries: Numbers of the queries.
        photos: Rows of their photos, good and wrong, each once.
        kept: Rows of unjudged photos that should stay where they are.
        prompts: Numbers of general prompts that should.
    """

    queries: tuple[int, ...]
    photos: tuple[int, ...]
    kept: tuple[int, ...]
    prompts: tuple[int, ...]


def steps_of(
    labels: Labels,
    mined: Sequence[Sequence[int]],
    plan: LoraPlan,
    *,
    epoch: int,
    unjudged: range,
    prompts: int,
) -> list[Step]:
    """Return an epoch's steps; they follow from seed and epoch alone, so that a run that goes on repeats them.

    Args:
        labels: See `label`.
        mined: See `mine_hard_negatives`.
        plan: Sizes and the seed.
        epoch: Its number.
        unjudged: Rows of the photos that nobody judged.
        prompts: How many general prompts there are.
    """
    random = np.random.default_rng([plan.seed, epoch])
    order = random.permutation(len(labels))
    found = []
    for start in range(0, len(order), plan.batch):
        numbers = [int(number) for number in order[start : start + plan.batch]]
        photos: dict[int, None] = {}
        for number in numbers:
            photos[_one(np.flatnonzero(labels[number] == GOOD), random)] = None
            hard = _few(mined[number], plan.negatives, random)
            photos.update(dict.fromkeys(hard))
        kept = _few(unjudged, plan.kept, random)
        general = _few(range(prompts), plan.kept, random)
        found.append(Step(tuple(numbers), tuple(photos), tuple(kept), tuple(general)))
    return found


def _one(rows: NDArray[Any], random: np.random.Generator) -> int:
    return int(rows[random.integers(len(rows))])


def _few(rows: Sequence[int], most: int, random: np.random.Generator) -> list[int]:
    chosen = random.permutation(len(rows))[:most]
    return [int(rows[number]) for number in chosen]
