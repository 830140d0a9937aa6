"""From a library's judgements to an adapter and its receipt."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from indexer.config import Settings
from indexer.encoders.adapter import Adapter
from indexer.encoders.base import Encoder
from indexer.errors import TuningError
from indexer.store import Store
from indexer.types import ProgressCallback
from retrieval.calibration.background import background
from retrieval.feedback.lessons import read_lessons
from retrieval.tuning.adapters import train_adapter
from retrieval.tuning.gate import tune
from retrieval.tuning.lessons import Lessons
from retrieval.tuning.probe import Probe, default_probe, probe_of_captions
from retrieval.tuning.receipt import Receipt

logger = logging.getLogger(__name__)

SEEDS: Sequence[int] = (0, 1, 2)
"""Ways to split the queries that are tried, and averaged."""


def learn(
    store: Store,
    encoder: Encoder,
    settings: Settings,
    *,
    probe: Path | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[Adapter, Receipt]:
    """Return what was learnt from all judgements, and what it is worth; nothing is changed.

    Args:
        store: The library.
        encoder: Its encoder, without what was learnt before.
        settings: Limits of query pictures.
        probe: A table of captioned pictures to use as the general probe; None takes the one that fits the encoder.
        progress: Called with how far it has come.

    Raises:
        TuningError: There are too few judgements, or learning from them fails.
        EvaluationError: The table of captioned pictures cannot be used.
    """
    lessons, counts = read_lessons(store, encoder, settings)
    if not len(lessons.names):
        raise TuningError(
            "there is nothing to learn from: no query has a hit that was judged good; run: recall judge QUERY"
        )
    general = background(encoder)
    found = probe_of_captions(probe, encoder, progress=progress) if probe else default_probe(encoder, lessons)

    def train(some: Lessons, seed: int) -> Adapter:
        return train_adapter(some, general, seed=seed)

    adapter, receipt = tune(lessons, train=train, probe=found, seeds=SEEDS, progress=progress)
    return adapter, replace(receipt, counts=counts.to_dict())


__all__ = ["Probe", "learn"]
