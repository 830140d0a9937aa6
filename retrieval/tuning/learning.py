"""From a library's judgements to an adapter and its receipt."""

from __future__ import annotations

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
from retrieval.tuning.adapters import query_scores, train_adapter
from retrieval.tuning.gate import Outcome, tune
from retrieval.tuning.lessons import Lessons
from retrieval.tuning.probe import Probe, probe_of_captions, probe_of_library, shipped_probe
from retrieval.tuning.receipt import Receipt


def learn(
    store: Store,
    encoder: Encoder,
    settings: Settings,
    *,
    probe: Path | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[Adapter | None, Receipt]:
    """Return what was learnt from all judgements, None where nothing was, and what it is worth; nothing is changed.

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

    def train(some: Lessons, seed: int) -> Adapter:
        return train_adapter(some, general, seed=seed)

    outcome: Outcome[Adapter] = tune(
        lessons, train=train, score=query_scores, probe=_probe(probe, encoder, lessons), progress=progress
    )
    receipt = replace(
        outcome.receipt,
        judgements=counts.judgements,
        used=counts.used,
        contradicted=counts.contradicted,
        gone=counts.gone,
    )
    return outcome.change, receipt


def _probe(table: Path | None, encoder: Encoder, lessons: Lessons) -> Probe:
    """Return the general probe: the one that was named, the one that comes with Recall, or one of the library."""
    if table is not None:
        return probe_of_captions(table, encoder)
    shipped = shipped_probe(encoder)
    return shipped or probe_of_library(encoder, lessons.others[lessons.others_are_photos])
