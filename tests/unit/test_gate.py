"""The gate on simulated users: what passes, and what each training may see."""

from __future__ import annotations

import weakref
from dataclasses import replace
from itertools import pairwise

import pytest

from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.errors import TuningError
from indexer.types import Vectors
from retrieval.tuning.gate import TuningResult, train_with_gate
from retrieval.tuning.training_set import TrainingSet
from tests.bench.gate import cosines, make_control_set, make_training_set, rocchio, tuning_result


def test_a_taste_passes_and_shuffled_verdicts_do_not() -> None:
    tastes = [tuning_result(50, 10, seed, taste=2, null=False).report.passed for seed in range(3)]
    shuffled = [tuning_result(10, 10, seed, taste=2, null=True).report.passed for seed in range(5)]
    assert tastes == [True] * 3
    assert shuffled == [False] * 5


def test_the_same_training_set_gives_the_same_adapter_and_report() -> None:
    first, second = (tuning_result(10, 10, 3, taste=2, null=False) for _ in range(2))
    assert replace(first.report, seconds=0) == replace(second.report, seconds=0)
    assert first.change is not None
    assert second.change is not None
    assert first.change.digest == second.change.digest


def test_no_query_is_measured_by_an_adapter_that_was_trained_on_it() -> None:
    trained: list[tuple[str, ...]] = []
    scored: list[tuple[str, ...]] = []

    def train(part: TrainingSet, seed: int) -> Adapter:
        trained.append(part.names)
        return rocchio(part, seed)

    def score(part: TrainingSet, adapter: Adapter | None) -> Vectors:
        if trained and adapter is not None:
            scored.append(part.names)
            assert not set(part.names) & set(trained[-1])
        return cosines(part, adapter)

    training_set, control_set = make_training_set(12, 5, 0, taste=2), make_control_set()
    result: TuningResult[Adapter] = train_with_gate(training_set, train=train, score=score, control_set=control_set)
    assert result.report.queries == 12
    assert scored
    assert len(trained[-1]) == 12  # the final adapter is trained on all
    assert all(before != after for before, after in pairwise(trained))


def test_queries_of_the_same_text_are_held_out_together() -> None:
    training_set = make_training_set(12, 5, 0, taste=2)
    texts = training_set.texts.copy()
    texts[1::2] = texts[::2] * 0.5  # "Biscuit" and "biscuit ", one of less weight: the same direction, six times
    good = training_set.good.copy()
    good[training_set.owners == 3] = True  # this query is not compared, but its duplicate is
    training_set = replace(training_set, texts=texts, good=good)
    trained: list[set[int]] = []

    def train(part: TrainingSet, seed: int) -> Adapter:
        trained.append({int(name) // 2 for name in part.names})
        return rocchio(part, seed)

    def score(part: TrainingSet, adapter: Adapter | None) -> Vectors:
        assert adapter is None or not trained[-1] & {int(name) // 2 for name in part.names}
        return cosines(part, adapter)

    control_set = make_control_set()
    result: TuningResult[Adapter] = train_with_gate(training_set, train=train, score=score, control_set=control_set)
    assert result.report.queries == 6
    # of six texts one or two are held out, and another one to choose alpha
    assert {len(numbers) for numbers in trained[:-1]} <= {3, 4}
    assert trained[-1] == set(range(6))
    texts[10:] = texts[:2]
    fewer = replace(training_set, texts=texts)
    with pytest.raises(TuningError, match="but there are 5; judge 1 more"):
        _: TuningResult[Adapter] = train_with_gate(fewer, train=train, score=score, control_set=control_set)


def test_one_change_is_in_memory_at_a_time() -> None:
    class NoChange:
        def interpolate(self, alpha: float, /) -> NoChange:
            return self

    class ConstantControlSet:
        name = "constant"

        def recall_at_5(self, change: NoChange | None, /) -> float:
            return 50.0

    created: list[weakref.ref[NoChange]] = []

    def train(part: TrainingSet, seed: int) -> NoChange:
        assert all(reference() is None for reference in created)
        change = NoChange()
        created.append(weakref.ref(change))
        return change

    _: TuningResult[NoChange] = train_with_gate(
        make_training_set(8, 5, 0, taste=2),
        train=train,
        score=lambda part, _: cosines(part, None),
        control_set=ConstantControlSet(),
    )
    assert len(created) == 15  # five folds, three seeds; nothing is gained, so no final one is trained


def test_too_few_queries_say_how_many_are_missing() -> None:
    training_set = make_training_set(7, 3, 0, taste=2)
    good = training_set.good.copy()
    good[:6] = True  # two queries without a bad unit
    fewer = replace(training_set, good=good)
    with pytest.raises(TuningError, match=r"needs 6 judged queries .* there are 5; judge 1 more"):
        _: TuningResult[Adapter] = train_with_gate(fewer, train=rocchio, score=cosines, control_set=make_control_set())


def test_an_adapter_that_ruins_the_control_set_does_not_pass() -> None:
    def ruin(part: TrainingSet, seed: int) -> Adapter:
        text = rocchio(part, seed).text
        assert text is not None
        return Adapter(LowRankAdapter(text.down, text.up * 100))

    result: TuningResult[Adapter] = train_with_gate(
        make_training_set(20, 10, 0, taste=2), train=ruin, score=cosines, control_set=make_control_set()
    )
    assert not result.report.passed
