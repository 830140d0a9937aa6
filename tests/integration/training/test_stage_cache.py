"""The work folder of the compact encoder's training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.compact.stage_cache import StageCache, stage_key


def test_a_stage_is_computed_once_for_each_key(tmp_path: Path) -> None:
    cache, computed = StageCache(tmp_path / "work"), []

    def compute() -> NDArray[np.float64]:
        computed.append(1)
        return np.ones(3)

    for key in (stage_key(1), stage_key(1), stage_key(2)):
        assert cache.array("stage", key, compute).tolist() == [1, 1, 1]
    assert len(computed) == 2
    assert len(cache.seconds()) == 2
