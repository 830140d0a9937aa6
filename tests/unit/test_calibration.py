"""Match probabilities: null scores, words, fitted models, expected numbers and calibration error."""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders.base import COMPACT_FOLDER, to_unit_length
from indexer.encoders.cached_encoder import int8_fingerprint
from indexer.encoders.onnx_encoder import ExportDescription
from indexer.errors import EncoderError
from indexer.types import Modality, Vectors
from retrieval.calibration import null_scores
from retrieval.calibration.background import prompts
from retrieval.calibration.calibrator import query_form
from retrieval.calibration.expected import DEPTH, expected_number, with_interval
from retrieval.calibration.fitted import CALIBRATED, FITTED
from retrieval.calibration.metrics import auroc, calibration_error
from retrieval.calibration.null_scores import shipped_null_scores, summarise
from retrieval.calibration.probability import Form, ModelKey, QueryFacts, query_model, with_words
from retrieval.calibration.word_counts import RAREST, WordFacts, without_names, word_facts

WORDS_TO_PHOTOS = FITTED[ModelKey(Form.WORDS, Modality.PHOTO)]

FACTS = QueryFacts(0.02, 0.08, word_facts("a dog"))


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


def test_mean_and_deviation_of_null_scores_are_those_of_the_vectors() -> None:
    vectors, query = _vectors(500, 1), _vectors(1, 2)[0]
    scores = vectors @ query
    assert summarise(vectors).mean_and_deviation(query) == pytest.approx((scores.mean(), scores.std(ddof=1)), abs=1e-5)


def test_axes_that_are_left_out_count_with_their_mean_variance() -> None:
    vectors = to_unit_length(np.random.default_rng(0).standard_normal((2000, 200)).astype(np.float32))
    null, query = summarise(vectors), vectors[0]
    assert len(null.axes) == 128
    assert null.mean_and_deviation(query)[1] == pytest.approx((vectors @ query).std(), rel=0.03)


def test_damaged_null_scores_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(null_scores._FILE.read_bytes())
    content[1000] ^= 1
    (tmp_path / "null.npz").write_bytes(content)
    monkeypatch.setattr(null_scores, "_FILE", tmp_path / "null.npz")
    with pytest.raises(EncoderError, match="is damaged; install Recall again"):
        shipped_null_scores.__wrapped__()


def test_a_word_that_captions_use_is_more_common_than_one_that_they_do_not() -> None:
    dog, submarine, nonsense = (word_facts(text).rarity for text in ("a dog", "a submarine", "a qwzx"))
    assert 0 > dog > submarine >= nonsense == RAREST


@pytest.mark.parametrize("text", ["a dog", "dogs", "DOG", "the dogs", "a photo of a dog"])
def test_case_number_stop_words_and_the_word_photo_do_not_matter(text: str) -> None:
    assert word_facts(text) == word_facts("dog")


def test_the_rarest_word_counts() -> None:
    assert word_facts("a man with a trombone").rarity == word_facts("trombone").rarity
    assert word_facts("a man with a trombone").length == pytest.approx(log(2))


@pytest.mark.parametrize("text", ["...", "\u72d7", "1234", ""])
def test_a_text_without_latin_words_counts_as_rare(text: str) -> None:
    assert word_facts(text) == WordFacts(RAREST, 0.0)


@pytest.mark.parametrize(
    ("shares", "form"),
    [
        ([0.0], Form.WORDS),
        ([0.0, 0.0], Form.WORDS),
        ([1.0], Form.PICTURE),
        ([0.0, 1.0], Form.MIXED),
        ([0.4], Form.MIXED),
    ],
)
def test_the_form_of_a_query_says_whether_it_has_words_and_pictures(shares: list[float], form: Form) -> None:
    assert query_form(shares) is form


def test_there_is_a_model_for_every_form_and_kind() -> None:
    assert set(FITTED) == {ModelKey(form, kind) for form in Form for kind in Modality}


def test_more_matches_in_the_library_make_each_more_probable() -> None:
    few, many = (query_model(FACTS, WORDS_TO_PHOTOS, [score] * 500) for score in (0.0, 0.5))
    assert few.probabilities([0.3])[0] < many.probabilities([0.3])[0]


def test_a_rare_word_needs_a_higher_score() -> None:
    rare = QueryFacts(FACTS.mean, FACTS.deviation, word_facts("a submarine"))
    common, uncommon = (query_model(facts, WORDS_TO_PHOTOS, [0.0] * 500) for facts in (FACTS, rare))
    assert common.probabilities([0.35])[0] > 2 * uncommon.probabilities([0.35])[0]


def test_all_units_are_counted_if_there_are_few() -> None:
    scores = np.linspace(0.6, 0.0, 100)
    model = query_model(FACTS, WORDS_TO_PHOTOS, scores)
    assert expected_number(model, scores, scores, 100) == pytest.approx(model.probabilities(scores).sum())


def test_the_expected_number_is_near_the_sum_over_all_units_and_does_not_depend_on_how_many_are_asked_for() -> None:
    scores = np.sort(np.random.default_rng(0).normal(0.1, 0.12, 20_000))[::-1]
    sample = scores[::10]
    model = query_model(FACTS, WORDS_TO_PHOTOS, sample)
    numbers = [expected_number(model, scores[:count], sample, len(scores)) for count in (DEPTH, 1000)]
    assert numbers[0] == numbers[1] == pytest.approx(model.probabilities(scores).sum(), rel=0.1)


def test_the_interval_contains_the_number_and_is_wider_for_small_ones() -> None:
    small, large = with_interval(1.0), with_interval(100.0)
    assert small.low <= small.number <= small.high
    assert small.high / small.number > large.high / large.number > 2


def test_words_of_the_query_in_a_text_make_a_hit_more_probable() -> None:
    assert with_words(0.0, 1.0) == pytest.approx(0.84)
    assert with_words(0.3, 0.0) == pytest.approx(0.3)
    assert 0.3 < with_words(0.3, 0.5) < with_words(0.3, 1.0) < 1


def test_names_of_the_library_that_no_caption_has_do_not_make_a_query_rare() -> None:
    assert without_names("dogs in Zanzibar", ["dogs", "Zanzibar"]) == "dogs"
    assert without_names("Zanzibar", ["Zanzibar"]) == "Zanzibar"


def test_compact_is_calibrated_in_both_precisions() -> None:
    fingerprint = ExportDescription.read(COMPACT_FOLDER).fingerprint

    assert {fingerprint, int8_fingerprint(fingerprint)} == CALIBRATED
