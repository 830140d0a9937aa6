from typing import cast

import numpy as np
import pytest

from indexer.catalog.statements.items import ItemDetails
from indexer.encoders.base import to_unit_length
from indexer.types import Modality, Vectors
from retrieval.calibration import CalibrationQuery, Calibrator
from retrieval.calibration.background import prompts
from retrieval.calibration.evidence import Evidence, Numbers, backdrop, background_queries, evidence
from retrieval.calibration.metrics import auroc, calibration_error
from retrieval.calibration.probability import FITTED, Pair, in_order, probabilities
from retrieval.search.candidates import Candidates
from retrieval.search.probabilities import Likelihood


def _vectors(rows: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return to_unit_length(np.random.default_rng(seed).standard_normal((rows, 16)).astype(np.float32))


def test_there_are_at_least_200_background_prompts_and_no_two_are_the_same() -> None:
    assert len(prompts()) >= 200
    assert len({prompt.lower().strip() for prompt in prompts()}) == len(prompts())
    assert all(prompt == prompt.strip() and prompt for prompt in prompts())


def test_equal_bins_compare_the_mean_probability_with_the_share_of_right_ones() -> None:
    values = np.array([0.1, 0.3, 0.6, 0.8])
    right = np.array([False, False, True, True])
    # two bins: means .2 and .7, shares 0 and 1: (.2 + .3) / 2
    assert calibration_error(values, right, bins=2) == pytest.approx(0.25)


def test_auroc_counts_equal_values_as_half() -> None:
    # of six pairs: .9 beats all three, .5 beats .1 and ties with .5, against .7 it loses: 3 + 1.5
    assert auroc(np.array([0.9, 0.5]), np.array([0.1, 0.5, 0.7])) == pytest.approx(4.5 / 6)


def test_values_that_rise_share_their_mean_and_keep_their_sum() -> None:
    assert in_order(np.array([0.9, 0.2, 0.4, 0.1])).tolist() == pytest.approx([0.9, 0.3, 0.3, 0.1])


def test_no_candidates_have_no_probabilities() -> None:
    assert in_order(np.empty(0)).tolist() == []


def test_a_query_of_one_part_has_the_pool_as_its_background() -> None:
    pool = _vectors(5, 0)
    assert background_queries([pool], [2.0]) == pytest.approx(pool)


def test_what_is_taken_away_from_a_query_is_taken_away_from_its_background() -> None:
    pool = np.eye(3, dtype=np.float32)
    # the second part is the pool moved on by 37, which for three rows is one: 0 - 2, 1 - 0, 2 - 1
    expected = np.array([[1, 0, -1], [-1, 1, 0], [0, -1, 1]]) / np.sqrt(2)
    assert background_queries([pool, pool], [1.0, -1.0]) == pytest.approx(expected)


def test_more_evidence_never_makes_a_hit_less_probable() -> None:
    rising = np.linspace(-3, 8, 20)
    flat = np.zeros(20)
    for pair in FITTED:
        for rises in (Evidence(rising, flat, flat, flat + 5), Evidence(flat, rising, flat, flat + 5)):
            assert np.all(np.diff(probabilities(rises, pair)) >= 0)


def test_among_more_units_the_same_evidence_is_worth_less() -> None:
    zero = np.zeros(2)
    few_many = Evidence(zero + 4, zero + 3, zero, np.log([30, 3000]))
    for pair in FITTED:
        few, many = probabilities(few_many, pair)
        assert few > many


def test_evidence_does_not_depend_on_the_scale_of_an_encoders_scores() -> None:
    others, sample, found, query = _vectors(100, 1), _vectors(60, 2), _vectors(4, 3), _vectors(1, 4)[0]

    def narrowed(
        rows: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        # a further coordinate that all share: every cosine c becomes .75 + .25 c
        return np.hstack([np.full((len(rows), 1), 0.75**0.5), 0.5 * rows]).astype(np.float32)

    plain = evidence(query, found, backdrop(others, sample, pictured=False), population=60)
    other = evidence(
        narrowed(query[None])[0],
        narrowed(found),
        backdrop(narrowed(others), narrowed(sample), pictured=False),
        population=60,
    )
    assert plain is not None
    assert other is not None
    assert other.columns() == pytest.approx(plain.columns(), abs=1e-3)


def test_a_background_that_always_scores_the_same_says_nothing() -> None:
    same = np.repeat(_vectors(1, 0), 50, axis=0)
    assert evidence(same[0], _vectors(3, 1), backdrop(same, _vectors(9, 2), pictured=False), population=9) is None


def test_what_stands_out_is_more_probable_than_what_does_not() -> None:
    query = _vectors(1, 0)[0]
    library = _vectors(100, 1)
    library[0] = query
    found = evidence(query, library[:2], backdrop(_vectors(200, 2), library, pictured=False), population=100)
    assert found is not None
    right, wrong = probabilities(found, Pair(pictured=False, kind=Modality.PHOTO))
    assert right > 0.2  # 4 deviations above both, in 16 dimensions
    assert wrong < 0.05


class _Noting:
    """A calibrator that notes of how many units each candidate is said to be the best."""

    def __init__(self) -> None:
        self.searched: list[int] = []

    def probabilities(self, asked: CalibrationQuery, candidates: Vectors, *, kind: Modality, searched: int) -> Numbers:
        self.searched.append(searched)
        return np.full(len(candidates), 0.5)


def test_what_only_words_found_is_judged_as_one_of_as_many_units_as_the_rest() -> None:
    # else it would be one of the fewest that there can be, and so far more probable than it is in a large library
    noting = _Noting()
    vectors = _vectors(2, seed=1)
    likelihood = Likelihood(cast("Calibrator", noting), CalibrationQuery(vectors[0], [1.0], [False]))
    likelihood.judge([Candidates([_photo(1)], np.ones(1, dtype=np.float32), vectors[:1], searched=5000)])
    assert likelihood.of(Candidates([_photo(1), _photo(2)], np.ones(2, dtype=np.float32), vectors)) == [0.5, 0.5]
    assert noting.searched == [5000, 5000]


def _photo(number: int) -> ItemDetails:
    nothing = dict.fromkeys(ItemDetails._fields[6:-1])
    return ItemDetails(number, number, number, Modality.PHOTO, None, f"/{number}.jpg", **nothing)  # type: ignore[arg-type]
