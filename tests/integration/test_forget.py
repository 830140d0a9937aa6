"""Forgetting: items are deleted in batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.encoders.base import to_unit_length
from indexer.maintenance import forget
from indexer.types import Progress
from retrieval import Library
from tests.support.encoders import FakeEncoder
from tests.support.large_library import fill_library

COUNT = 3000


def test_interrupted_forgetting_continues_with_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = to_unit_length(np.random.default_rng(0).random((COUNT, 3), np.float32))
    fill_library(tmp_path / "large.recall", FakeEncoder(), vectors)
    monkeypatch.setattr(forget, "BATCH_SIZE", 100)

    def stop(_: Progress) -> None:
        raise KeyboardInterrupt

    with Library.open(tmp_path / "large.recall", encoder=FakeEncoder()) as library:
        with pytest.raises(KeyboardInterrupt):
            library.forget("/photos", progress=stop)
        assert library.status().photos == COUNT - 100
        assert len(library.status().sources) == 1
        assert library.forget("/photos") == COUNT - 100
        assert library.status().sources == []
