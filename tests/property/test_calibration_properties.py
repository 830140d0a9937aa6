import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.calibration.probability import in_order

SHARES = st.lists(st.floats(0, 1), max_size=40)


@given(SHARES)
def test_probabilities_fall_down_the_list_and_their_sum_stays(values: list[float]) -> None:
    given_values = np.array(values)
    ordered = in_order(given_values)
    assert ordered.shape == given_values.shape
    assert np.all(np.diff(ordered) <= 1e-12)
    assert abs(ordered.sum() - given_values.sum()) < 1e-9


@given(SHARES)
def test_what_falls_already_stays_as_it_is(values: list[float]) -> None:
    falling = np.sort(np.array(values))[::-1]
    assert np.allclose(in_order(falling), falling, atol=1e-12)
