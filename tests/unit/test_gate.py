"""Whether what was learnt is let through: metrics of judged hits, the verdict, and the gate on made-up users."""

from __future__ import annotations

import weakref
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.errors import TuningError
from retrieval.tuning.comparison import compared, judged_values, verdict
from retrieval.tuning.control_set import ControlSet, library_control_set
from retrieval.tuning.gate import Outcome, tune
from retrieval.tuning.report import TuningReport
from retrieval.tuning.training_set import TrainingSet
from tests.bench.gate import control_set, cosines, made_up, outcome, rocchio

RECEIPT = TuningReport("adapter", True, "", 83, 0.61, 0.74, 0.05, 0.21, 0.001, 0.7, 0.8, "p", 70.0, 69.8, seeds=(0, 1))


def test_judged_values_count_a_query_by_its_judged_units_in_the_order_of_their_scores() -> None:
    lessons = made_up(2, 3, 0, taste=1)
    good = np.array([False, True, False, True, False, False])
    scores = np.array([0.9, 0.5, 0.1, 0.3, 0.3, 0.3], dtype=np.float32)
    # the good unit of the first query stands second: 1 / log2(3); that of the second is first of equal ones
    assert judged_values(replace(lessons, good=good), scores).tolist() == [[pytest.approx(0.63093), 1.0], [1.0, 1.0]]


def test_judged_values_are_those_of_ir_measures() -> None:
    measures = pytest.importorskip("ir_measures")
    lessons = made_up(4, 13, 1, taste=1)
    scores = np.random.default_rng(0).random(52).astype(np.float32)
    names = [str(number) for number in range(52)]
    relevant: dict[str, dict[str, int]] = {str(query): {} for query in range(4)}
    lists: dict[str, dict[str, float]] = {str(query): {} for query in range(4)}
    for name, owner, good, score in zip(names, lessons.owners, lessons.good, scores.tolist(), strict=True):
        relevant[str(owner)][name], lists[str(owner)][name] = int(good), score
    kinds = [measures.nDCG @ 10, measures.Success @ 5]
    expected = np.zeros((4, 2))
    for metric in measures.iter_calc(kinds, relevant, lists):
        expected[int(metric.query_id), kinds.index(metric.measure)] = metric.value
    np.testing.assert_allclose(judged_values(lessons, scores), expected, atol=1e-9)


def test_the_interval_is_students() -> None:
    # mean 3.5, standard deviation 1.8708, t of five degrees of freedom 2.5706: 2.5706 * 1.8708 / sqrt(6) = 1.9633
    found = compared(np.array([1.0, 2, 3, 4, 5, 6]))
    assert [found.low, found.high] == pytest.approx([1.5367, 5.4633], abs=0.003)
    assert found.p == pytest.approx(2 / 64, abs=0.006)  # all six gain: two of 64 flips are as far out


@pytest.mark.parametrize(
    ("gain", "control_after", "reason"),
    [
        (0.1, 69.0, ""),
        (0.1, 68.9, "searches for anything else lost 1.1 points, more than 1"),
        (0.1, float("nan"), "searches for anything else lost nan points, more than 1"),
        (-0.1, 70.0, "held-out queries gained nothing; judge more"),
    ],
)
def test_a_gain_passes_while_the_control_set_loses_no_more_than_a_point(
    gain: float, control_after: float, reason: str
) -> None:
    old = np.full((8, 2), 0.5)
    new = old + gain + np.linspace(0, 0.01, 8)[:, None]
    found = verdict(old, new, 70.0, control_after)
    assert (found.passed, found.reason) == (not reason, reason)


def test_one_great_gain_among_many_queries_may_be_chance() -> None:
    old = np.zeros((10, 2))
    new = old.copy()
    new[0] = 1.0
    assert verdict(old, new, 70.0, 70.0).reason == "the gain may be chance; judge more"


def test_a_receipt_reads_as_one_line() -> None:
    assert str(RECEIPT) == (
        "nDCG@10 .61 -> .74 (+.13, 95 % .05 to .21, n = 83 queries); R@5 .70 -> .80; control set -0.2; activated"
    )
    kept = replace(RECEIPT, passed=False, reason="the gain may be chance", low=-0.05)
    assert "95 % -.05 to .21" in str(kept)
    assert str(kept).endswith("; kept inactive: the gain may be chance")


def test_a_receipt_says_of_what_is_not_used_that_it_is_not() -> None:
    assert RECEIPT.line(is_active=True).endswith("; activated")
    assert RECEIPT.line(is_active=False).endswith("; passed, not active")
    assert str(replace(RECEIPT, dry_run=True)).endswith("; would be activated")
    kept = replace(RECEIPT, passed=False, reason="the gain may be chance", dry_run=True)
    assert str(kept).endswith("; would be kept inactive: the gain may be chance")


def test_a_receipt_survives_its_dictionary_and_keys_of_a_later_version() -> None:
    assert TuningReport.from_dict({**RECEIPT.to_dict(), "later": 1}) == RECEIPT
    with pytest.raises(TuningError, match="damaged"):
        TuningReport.from_dict({"method": "adapter"})


def test_a_receipt_reads_the_keys_of_libraries_made_before() -> None:
    former = {
        "control_set": "probe",
        "control_before": "probe_before",
        "control_after": "probe_after",
        "alpha": "share",
        "missing": "gone",
    }
    stored = {former.get(key, key): value for key, value in RECEIPT.to_dict().items()}
    assert set(former.values()) <= stored.keys()
    assert TuningReport.from_dict(stored) == RECEIPT


def test_a_taste_passes_and_shuffled_verdicts_do_not() -> None:
    assert [outcome(50, 10, seed, taste=2, null=False).receipt.passed for seed in range(3)] == [True] * 3
    assert [outcome(10, 10, seed, taste=2, null=True).receipt.passed for seed in range(5)] == [False] * 5


def test_the_same_lessons_give_the_same_adapter_and_receipt() -> None:
    first, second = (outcome(10, 10, 3, taste=2, null=False) for _ in range(2))
    assert replace(first.receipt, seconds=0) == replace(second.receipt, seconds=0)
    assert first.change is not None
    assert second.change is not None
    assert first.change.digest == second.change.digest


def test_no_query_is_compared_by_an_adapter_that_learnt_from_it() -> None:
    seen: list[tuple[str, ...]] = []
    scored: list[tuple[str, ...]] = []

    def train(lessons: TrainingSet, seed: int) -> Adapter:
        seen.append(lessons.names)
        return rocchio(lessons, seed)

    def score(lessons: TrainingSet, adapter: Adapter | None) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        if seen and adapter is not None:
            scored.append(lessons.names)
            assert not set(lessons.names) & set(seen[-1])
        return cosines(lessons, adapter)

    found: Outcome[Adapter] = tune(made_up(12, 5, 0, taste=2), train=train, score=score, control_set=control_set())
    assert found.receipt.queries == 12
    assert scored
    assert len(seen[-1]) == 12  # what is kept learns from all
    assert all(before != after for before, after in pairwise(seen))


def test_the_same_words_again_are_never_learnt_from_where_they_are_held_out() -> None:
    lessons = made_up(12, 5, 0, taste=2)
    texts = lessons.texts.copy()
    texts[1::2] = texts[::2] * 0.5  # "Biscuit" and "biscuit ", one of less weight: the same direction, six times
    good = lessons.good.copy()
    good[lessons.owners == 3] = True  # a query that is not compared, for its twin is
    lessons = replace(lessons, texts=texts, good=good)
    learnt: list[set[int]] = []

    def train(part: TrainingSet, seed: int) -> Adapter:
        learnt.append({int(name) // 2 for name in part.names})
        return rocchio(part, seed)

    def score(part: TrainingSet, adapter: Adapter | None) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        assert adapter is None or not learnt[-1] & {int(name) // 2 for name in part.names}
        return cosines(part, adapter)

    found: Outcome[Adapter] = tune(lessons, train=train, score=score, control_set=control_set())
    assert found.receipt.queries == 6
    assert {len(each) for each in learnt[:-1]} <= {3, 4}  # of six words one or two are held out, and an inner one
    assert learnt[-1] == set(range(6))
    texts[10:] = texts[:2]
    with pytest.raises(TuningError, match="5 judged queries have both"):
        _: Outcome[Adapter] = tune(replace(lessons, texts=texts), train=train, score=score, control_set=control_set())


def test_one_change_is_held_at_a_time() -> None:
    class Nothing:
        def interpolate(self, share: float) -> Nothing:
            return self

    class Calm:
        name = "calm"

        def r5(self, change: Nothing | None, /) -> float:
            return 50.0

    made: list[weakref.ref[Nothing]] = []

    def train(part: TrainingSet, seed: int) -> Nothing:
        assert all(each() is None for each in made)
        change = Nothing()
        made.append(weakref.ref(change))
        return change

    lessons = made_up(8, 5, 0, taste=2)
    _: Outcome[Nothing] = tune(lessons, train=train, score=lambda part, _: cosines(part, None), control_set=Calm())
    assert len(made) == 15  # five parts, three seeds; nothing is gained, so that no last one is trained


def test_too_few_queries_say_how_many_are_missing() -> None:
    lessons = made_up(7, 3, 0, taste=2)
    good = lessons.good.copy()
    good[:6] = True  # two queries with nothing bad
    with pytest.raises(TuningError, match=r"5 judged queries .* needs 6: judge 1 more"):
        _: Outcome[Adapter] = tune(replace(lessons, good=good), train=rocchio, score=cosines, control_set=control_set())


def test_an_adapter_that_ruins_other_searches_is_kept_inactive() -> None:
    def ruin(lessons: TrainingSet, seed: int) -> Adapter:
        found = rocchio(lessons, seed).text
        assert found is not None
        return Adapter(LowRankAdapter(found.down, found.up * 100))

    found: Outcome[Adapter] = tune(made_up(20, 10, 0, taste=2), train=ruin, score=cosines, control_set=control_set())
    assert not found.receipt.passed


def test_a_control_set_counts_texts_whose_photo_is_among_the_first_five() -> None:
    eye = np.eye(8, dtype=np.float32)
    assert ControlSet(eye, eye, np.arange(8), "").r5() == 100.0
    # a text is as near to all photos but its own; its own stands last, but for ties by number: 0 of 8
    assert ControlSet(-eye, eye, np.arange(8), "").r5() == 0.0


def test_a_library_with_few_photos_makes_no_control_set() -> None:
    from tests.support.encoders import FakeEncoder

    with pytest.raises(TuningError, match=r"3 photos .* needs 50"):
        library_control_set(FakeEncoder(), np.eye(3, dtype=np.float32))
