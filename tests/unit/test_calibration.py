"""Match probabilities: background, evidence, fitted models and calibration error."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from indexer.catalog.statements.items import ItemDetails
from indexer.encoders.base import to_unit_length
from indexer.types import Modality, Vectors
from retrieval.calibration.background import prompts
from retrieval.calibration.calibrator import Calibrator
from retrieval.calibration.evidence import (
    Evidence,
    Numbers,
    background_queries,
    background_stats,
    compute_evidence,
)
from retrieval.calibration.metrics import auroc, calibration_error
from retrieval.calibration.probability import FITTED, ModelKey, non_increasing, probabilities
from retrieval.query.encoded import EncodedQuery
from retrieval.query.query import Query
from retrieval.search.candidates import Candidates
from retrieval.search.probabilities import MatchProbabilities


def _vectors(rows: int, seed: int) -> Vectors:
    """Return random unit vectors, shape (rows, 16)."""
    return to_unit_length(np.random.default_rng(seed).standard_normal((rows, 16)).astype(np.float32))


def test_there_are_at_least_200_different_background_prompts() -> None:
    assert len(prompts()) >= 200
    assert len({prompt.lower().strip() for prompt in prompts()}) == len(prompts())
    assert all(prompt == prompt.strip() and prompt for prompt in prompts())


def test_calibration_error_compares_mean_probability_and_share_of_right_ones_in_each_bin() -> None:
    values = np.array([0.1, 0.3, 0.6, 0.8])
    right = np.array([False, False, True, True])
    # two bins: means .2 and .7, shares 0 and 1: (.2 + .3) / 2
    assert calibration_error(values, right, bins=2) == pytest.approx(0.25)


def test_auroc_counts_ties_as_half() -> None:
    # of six pairs: .9 exceeds all three, .5 exceeds .1 and ties with .5: 3 + 1.5
    assert auroc(np.array([0.9, 0.5]), np.array([0.1, 0.5, 0.7])) == pytest.approx(4.5 / 6)


def test_values_that_increase_are_replaced_by_their_mean() -> None:
    assert non_increasing(np.array([0.9, 0.2, 0.4, 0.1])).tolist() == pytest.approx([0.9, 0.3, 0.3, 0.1])


def test_no_values_give_no_values() -> None:
    assert non_increasing(np.empty(0)).tolist() == []


def test_the_background_of_a_query_of_one_part_is_the_pool() -> None:
    pool = _vectors(5, 0)
    assert background_queries([pool], [2.0]) == pytest.approx(pool)


def test_background_queries_have_the_weights_of_the_query() -> None:
    pool = np.eye(3, dtype=np.float32)
    # the second part is the pool rotated by 37, which is 1 of three rows: 0 - 2, 1 - 0, 2 - 1
    expected = np.array([[1, 0, -1], [-1, 1, 0], [0, -1, 1]]) / np.sqrt(2)
    assert background_queries([pool, pool], [1.0, -1.0]) == pytest.approx(expected)


def test_more_evidence_never_makes_a_hit_less_probable() -> None:
    rising = np.linspace(-3, 8, 20)
    flat = np.zeros(20)
    for key in FITTED:
        for evidence in (Evidence(rising, flat, flat, flat + 5), Evidence(flat, rising, flat, flat + 5)):
            assert np.all(np.diff(probabilities(evidence, key)) >= 0)


def test_the_same_evidence_among_more_units_gives_a_lower_probability() -> None:
    zero = np.zeros(2)
    evidence = Evidence(zero + 4, zero + 3, zero, np.log([30, 3000]))
    for key in FITTED:
        few, many = probabilities(evidence, key)
        assert few > many


def test_evidence_does_not_depend_on_the_scale_of_an_encoders_scores() -> None:
    background, sample, candidates, query = _vectors(100, 1), _vectors(60, 2), _vectors(4, 3), _vectors(1, 4)[0]

    def narrow(rows: Vectors) -> Vectors:
        # with another coordinate that all share, every cosine c becomes .75 + .25 c
        return np.hstack([np.full((len(rows), 1), 0.75**0.5), 0.5 * rows]).astype(np.float32)

    stats = background_stats(background, sample, has_image=False)
    plain = compute_evidence(query, candidates, stats, population=60)
    narrow_stats = background_stats(narrow(background), narrow(sample), has_image=False)
    narrowed = compute_evidence(narrow(query[None])[0], narrow(candidates), narrow_stats, population=60)
    assert plain is not None
    assert narrowed is not None
    assert narrowed.columns() == pytest.approx(plain.columns(), abs=1e-3)


def test_a_background_of_equal_queries_gives_no_evidence() -> None:
    equal = np.repeat(_vectors(1, 0), 50, axis=0)
    stats = background_stats(equal, _vectors(9, 2), has_image=False)
    assert compute_evidence(equal[0], _vectors(3, 1), stats, population=9) is None


def test_a_candidate_that_stands_out_is_more_probable() -> None:
    query = _vectors(1, 0)[0]
    library = _vectors(100, 1)
    library[0] = query
    stats = background_stats(_vectors(200, 2), library, has_image=False)
    evidence = compute_evidence(query, library[:2], stats, population=100)
    assert evidence is not None
    right, wrong = probabilities(evidence, ModelKey(has_image=False, kind=Modality.PHOTO))
    assert right > 0.2  # 4 deviations above both, in 16 dimensions
    assert wrong < 0.05


class _RecordingCalibrator:
    """A calibrator that records the numbers of searched units that it is called with."""

    def __init__(self) -> None:
        self.searched: list[int] = []

    def probabilities(self, query: Vectors, candidates: Vectors, *, searched: int, **_: object) -> Numbers:
        self.searched.append(searched)
        return np.full(len(candidates), 0.5)


def test_candidates_of_full_text_search_count_as_found_among_as_many_units_as_the_others() -> None:
    # otherwise they would count as found in the smallest library and get far too high a probability in a large one
    calibrator = _RecordingCalibrator()
    vectors = _vectors(2, seed=1)
    query = EncodedQuery(Query(["a query"]), vectors[:1], [0.0])
    matches = MatchProbabilities(cast("Calibrator", calibrator), query, query.vector)
    matches.score([Candidates([_photo(1)], np.ones(1, dtype=np.float32), vectors[:1], searched=5000)])
    both = Candidates([_photo(1), _photo(2)], np.ones(2, dtype=np.float32), vectors)
    assert matches.probabilities(both) == [0.5, 0.5]
    assert calibrator.searched == [5000, 5000]


def _photo(number: int) -> ItemDetails:
    """Return a photo whose ids are `number`."""
    empty = dict.fromkeys(ItemDetails._fields[6:-1])
    return ItemDetails(number, number, number, Modality.PHOTO, None, f"/{number}.jpg", **empty)  # type: ignore[arg-type]
