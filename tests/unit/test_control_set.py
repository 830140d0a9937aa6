"""Control sets: their R@5, and the photos they need."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.errors import TuningError
from retrieval.tuning.control_set.control_set import ControlSet, library_control_set
from tests.support.encoders import FakeEncoder


def test_recall_counts_texts_whose_photo_is_among_the_first_five() -> None:
    eye = np.eye(8, dtype=np.float32)
    assert ControlSet(eye, eye, np.arange(8), "").recall_at_5() == 100.0
    # each text is equally near to all photos but its own, which comes last: 0 of 8
    assert ControlSet(-eye, eye, np.arange(8), "").recall_at_5() == 0.0


def test_a_library_with_too_few_photos_has_no_control_set() -> None:
    with pytest.raises(TuningError, match=r"3 photos .* needs 50"):
        library_control_set(FakeEncoder(), np.eye(3, dtype=np.float32))
