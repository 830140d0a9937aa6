"""Properties of match probabilities."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.calibration.fitted import FITTED
from retrieval.calibration.probability import QueryFacts, query_model
from retrieval.calibration.word_counts import MOST_WORDS, RAREST, WordFacts

FACTS = st.builds(
    QueryFacts,
    st.floats(-0.3, 0.6),
    st.floats(0.0, 0.4),
    st.builds(WordFacts, st.floats(RAREST, 0.0), st.floats(0.0, float(np.log(MOST_WORDS)))),
)


@given(st.sampled_from(sorted(FITTED)), FACTS, st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_a_probability_is_between_0_and_1_and_never_falls_when_the_score_rises(
    key: object, facts: QueryFacts, sample: list[float]
) -> None:
    values = query_model(facts, FITTED[key], sample).probabilities(np.linspace(-1, 1, 201))  # type: ignore[index]
    assert np.all((values >= 0) & (values <= 1))
    assert np.all(np.diff(values) >= 0)
