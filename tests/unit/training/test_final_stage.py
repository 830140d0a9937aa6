"""The data of the last round."""

from __future__ import annotations

import numpy as np
import pytest

from training.compact.final_stage import move_to_broader


def test_narrow_lines_move_towards_their_broader_line_and_others_stay() -> None:
    anchors = np.eye(3, dtype=np.float16)
    broader_vectors = np.asarray([[0, 0, 1]], dtype=np.float32)
    numbers, broader_lines = {"astronaut": 0, "rocket": 1}, {"astronaut": "person"}
    moved = move_to_broader(anchors, numbers, broader_lines, broader_vectors, fraction=0.5)
    assert moved.tolist() == [
        [pytest.approx(0.5**0.5, abs=1e-3), 0, pytest.approx(0.5**0.5, abs=1e-3)],
        [0, 1, 0],
        [0, 0, 1],
    ]
    assert anchors.tolist() == np.eye(3).tolist()
