"""Properties of probabilities down a list of hits."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.calibration.probability import non_increasing

SHARES = st.lists(st.floats(0, 1), max_size=40)


@given(SHARES)
def test_values_never_increase_and_keep_their_sum(values: list[float]) -> None:
    array = np.array(values)
    ordered = non_increasing(array)
    assert ordered.shape == array.shape
    assert np.all(np.diff(ordered) <= 1e-12)
    assert abs(ordered.sum() - array.sum()) < 1e-9


@given(SHARES)
def test_falling_values_do_not_change(values: list[float]) -> None:
    falling = np.sort(np.array(values))[::-1]
    assert np.allclose(non_increasing(falling), falling, atol=1e-12)
