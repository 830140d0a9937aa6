"""How often the gate lets a training pass, by chance and by right: `python -m tests.bench.gate [RUNS]`.

Training sets are made up, and the trainer is instant, because the statistics of the gate are measured. Verdicts are
shuffled within each query, so that there is nothing to learn, or follow a hidden taste.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.encoders.base import to_unit_length
from indexer.types import Vectors
from retrieval.tuning.control_set.control_set import ControlSet
from retrieval.tuning.gate import TuningResult, train_with_gate
from retrieval.tuning.training_set import TrainingSet

DIM = 32

SIZES = ((7, 3), (10, 10), (50, 10))
"""Queries, and judged hits of each: about 20, 100 and 500 judgements."""


def make_training_set(queries: int, hits: int, seed: int, *, taste: float) -> TrainingSet:
    """Return queries about different things; the user's verdicts follow one direction as strongly as `taste`."""
    random = np.random.default_rng(seed)
    texts = _texts(queries, random)
    owners = np.repeat(np.arange(queries), hits)
    noise = random.standard_normal((len(owners), DIM)) / np.sqrt(DIM)
    units = to_unit_length((texts[owners] + noise).astype(np.float32))
    liking = taste * np.sqrt(DIM) * units[:, 0] + random.standard_normal(len(owners))
    good = liking > np.repeat(np.median(liking.reshape(queries, hits), axis=1), hits)
    return TrainingSet(
        names=tuple(map(str, range(queries))), texts=texts, images=np.zeros_like(texts), owners=owners, units=units,
        are_photos=np.ones(len(owners), dtype=bool), good=good,
        unjudged=units[:0], unjudged_are_photos=np.zeros(0, dtype=bool),
    )  # fmt: skip


def _texts(count: int, random: np.random.Generator) -> Vectors:
    """Return texts about different things, with a common direction as all texts of CLIP have, shape (count, DIM)."""
    rows = random.standard_normal((count, DIM)) / np.sqrt(DIM)
    rows[:, 1] += 1
    return to_unit_length(rows.astype(np.float32))


def shuffle_verdicts(training_set: TrainingSet, seed: int) -> TrainingSet:
    """Return the training set with the verdicts of each query in random order."""
    random = np.random.default_rng(seed)
    order = np.lexsort((random.random(len(training_set.owners)), training_set.owners))  # owners are ascending
    return replace(training_set, good=training_set.good[order])


def rocchio(training_set: TrainingSet, seed: int) -> Adapter:
    """Return an adapter that moves each text by the mean difference between good and bad units of all queries."""
    del seed  # nothing is random
    signs = np.where(training_set.good, 1.0, -1.0)
    direction = (training_set.units * signs[:, None]).mean(axis=0)
    common = to_unit_length(training_set.texts.mean(axis=0, keepdims=True))
    return Adapter(LowRankAdapter(common.T.astype(np.float32), (6 * direction[None, :]).astype(np.float32)))


def cosines(training_set: TrainingSet, adapter: Adapter | None) -> Vectors:
    """Return the cosine of each judged unit with its query's text, shape (n,)."""
    texts = training_set.texts if adapter is None else adapter.adapt_texts(training_set.texts)
    scores: Vectors = np.einsum("nd,nd->n", texts[training_set.owners], training_set.units)
    return scores


def make_control_set() -> ControlSet:
    """Return a control set of 100 things that no adapter here is about."""
    random = np.random.default_rng(0)
    texts = _texts(100, random)
    photos = to_unit_length((texts + 0.1 * random.standard_normal((100, DIM))).astype(np.float32))
    return ControlSet(texts, photos, np.arange(100), "made up")


def tuning_result(queries: int, hits: int, seed: int, *, taste: float, null: bool) -> TuningResult[Adapter]:
    """Return the gate's result for one user.

    Args:
        queries: Number of judged queries.
        hits: Judged hits of each.
        seed: Seed of the user.
        taste: Strength of the user's taste.
        null: Whether to shuffle the verdicts, so that they mean nothing.
    """
    training_set = make_training_set(queries, hits, seed, taste=taste)
    if null:
        training_set = shuffle_verdicts(training_set, seed)
    return train_with_gate(training_set, train=rocchio, score=cosines, control_set=make_control_set())


def main() -> None:
    """Print the rates."""
    runs = int(sys.argv[1]) if sys.argv[1:] else 200
    for queries, hits in SIZES:
        for null in (True, False):
            results = (tuning_result(queries, hits, seed, taste=2, null=null) for seed in range(runs))
            passed = sum(result.report.passed for result in results)
            verdicts = "shuffled verdicts" if null else "a taste"
            sys.stdout.write(
                f"{queries * hits:>4} judgements, {verdicts}: {passed} of {runs} pass ({passed / runs:.1%})\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
