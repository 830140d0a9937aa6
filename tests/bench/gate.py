"""How often the gate lets nothing through, and something: `python -m tests.bench.gate [RUNS]`.

Lessons are made up, with a trainer that is instant: the statistics are what is measured. Verdicts
are shuffled within each query, so that there is nothing to learn, or follow a hidden taste.
"""

from __future__ import annotations

import sys

import numpy as np

from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.encoders.base import to_unit_length
from indexer.types import Vectors
from retrieval.tuning.control_set import ControlSet
from retrieval.tuning.gate import Outcome, tune
from retrieval.tuning.training_set import TrainingSet

DIM = 32

SIZES = ((7, 3), (10, 10), (50, 10))
"""Queries, and judged hits of each: about 20, 100 and 500 judgements."""


def made_up(queries: int, hits: int, seed: int, *, taste: float) -> TrainingSet:
    """Return lessons of queries about different things; the user's verdicts follow one direction as far as `taste`."""
    random = np.random.default_rng(seed)
    texts = _texts(queries, random)
    owners = np.repeat(np.arange(queries), hits)
    noise = random.standard_normal((len(owners), DIM)) / np.sqrt(DIM)
    units = to_unit_length((texts[owners] + noise).astype(np.float32))
    wish = taste * np.sqrt(DIM) * units[:, 0] + random.standard_normal(len(owners))
    good = wish > np.repeat(np.median(wish.reshape(queries, hits), axis=1), hits)
    return TrainingSet(
        names=tuple(map(str, range(queries))), texts=texts, images=np.zeros_like(texts), owners=owners, units=units,
        are_photos=np.ones(len(owners), dtype=bool), good=good,
        others=units[:0], others_are_photos=np.zeros(0, dtype=bool),
    )  # fmt: skip


def _texts(count: int, random: np.random.Generator) -> Vectors:
    """Return texts about different things, with something in common as all texts of CLIP have, shape (count, DIM)."""
    rows = random.standard_normal((count, DIM)) / np.sqrt(DIM)
    rows[:, 1] += 1
    return to_unit_length(rows.astype(np.float32))


def shuffled(lessons: TrainingSet, seed: int) -> TrainingSet:
    """Return the lessons with the verdicts of each query in another order."""
    random = np.random.default_rng(seed)
    order = np.lexsort((random.random(len(lessons.owners)), lessons.owners))  # owners are ascending
    return TrainingSet(
        lessons.names, lessons.texts, lessons.images, lessons.owners, lessons.units, lessons.are_photos,
        lessons.good[order], lessons.others, lessons.others_are_photos,
    )  # fmt: skip


def rocchio(lessons: TrainingSet, seed: int) -> Adapter:
    """Return an adapter that moves each text by what made good units of all queries differ from bad ones."""
    del seed  # nothing is drawn
    side = np.where(lessons.good, 1.0, -1.0)
    wanted = (lessons.units * side[:, None]).mean(axis=0)
    shared = to_unit_length(lessons.texts.mean(axis=0, keepdims=True))
    return Adapter(LowRankAdapter(shared.T.astype(np.float32), (6 * wanted[None, :]).astype(np.float32)))


def cosines(lessons: TrainingSet, adapter: Adapter | None) -> Vectors:
    """Return the cosine of each judged unit with its query's text, shape (n,)."""
    texts = lessons.texts if adapter is None else adapter.adapt_texts(lessons.texts)
    scores: Vectors = np.einsum("nd,nd->n", texts[lessons.owners], lessons.units)
    return scores


def control_set() -> ControlSet:
    """Return a control set of 100 things that no adapter here is about."""
    random = np.random.default_rng(0)
    texts = _texts(100, random)
    photos = to_unit_length((texts + 0.1 * random.standard_normal((100, DIM))).astype(np.float32))
    return ControlSet(texts, photos, np.arange(100), "made up")


def outcome(queries: int, hits: int, seed: int, *, taste: float, null: bool) -> Outcome[Adapter]:
    """Return what the gate says of one user."""
    lessons = made_up(queries, hits, seed, taste=taste)
    return tune(shuffled(lessons, seed) if null else lessons, train=rocchio, score=cosines, control_set=control_set())


def main() -> None:
    """Print the rates."""
    runs = int(sys.argv[1]) if sys.argv[1:] else 200
    for queries, hits in SIZES:
        for null in (True, False):
            passed = sum(outcome(queries, hits, seed, taste=2, null=null).receipt.passed for seed in range(runs))
            what = "shuffled" if null else "a taste"
            sys.stdout.write(f"{queries * hits:>4} judgements, {what}: {passed} of {runs} pass ({passed / runs:.1%})\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
