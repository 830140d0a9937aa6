"""From a library's judgements to an adapter, or to new weights, and its receipt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from indexer.config import Settings
from indexer.encoders.adapter import Adapter
from indexer.encoders.base import Encoder
from indexer.errors import TuningError
from indexer.store import Store
from indexer.types import ProgressCallback
from retrieval.calibration.background import background_vectors
from retrieval.tuning.adapter.train import query_scores, train_adapter
from retrieval.tuning.control_set import ControlSet, caption_control_set, library_control_set, shipped_control_set
from retrieval.tuning.gate import Outcome, tune
from retrieval.tuning.lora.learn import learn_weights, require_peft
from retrieval.tuning.lora.weights import NewWeights
from retrieval.tuning.read_training_set import read_lessons
from retrieval.tuning.report import TuningReport
from retrieval.tuning.training_set import TrainingSet


def learn(
    store: Store,
    encoder: Encoder,
    settings: Settings,
    *,
    weights: Path | None = None,
    both: bool = False,
    control_table: Path | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[Adapter | NewWeights | None, TuningReport]:
    """Return what was learnt from all judgements, None where nothing was, and what it is worth; nothing is changed.

    Args:
        store: The library.
        encoder: Its encoder, without what was learnt before.
        settings: Limits of pictures; device and workers.
        weights: Folder for checkpoints of a training of the encoder itself; None learns an adapter.
        both: Whether an adapter transforms photos too.
        control_table: A table of captioned pictures as the control set; None takes the one that fits the encoder.
        progress: Called with how far it has come.

    Raises:
        TuningError: There are too few judgements, or learning from them fails.
        EvaluationError: The table of captioned pictures cannot be used.
        MissingPackageError: Weights are to be trained, and a package for that is not installed.
    """
    if weights is not None:
        require_peft()
    lessons, counts = read_lessons(store, encoder, settings)
    if not len(lessons.names):
        raise TuningError(
            "there is nothing to learn from: no query has a hit that was judged good; run: recall judge QUERY"
        )
    outcome: Outcome[Adapter] | Outcome[NewWeights]
    if weights is None:
        outcome = _adapter(lessons, encoder, control_table, both=both, progress=progress)
    else:
        outcome = learn_weights(
            encoder, lessons, settings, work=weights, control_table=control_table, progress=progress
        )
    receipt = replace(
        outcome.receipt,
        judgements=counts.judgements,
        used=counts.used if weights is None else outcome.receipt.used,
        contradicted=counts.contradicted,
        missing=counts.gone + outcome.receipt.missing,
    )
    return outcome.change, receipt


def _adapter(
    lessons: TrainingSet, encoder: Encoder, control_table: Path | None, *, both: bool, progress: ProgressCallback | None
) -> Outcome[Adapter]:
    general = background_vectors(encoder)

    def train(some: TrainingSet, seed: int) -> Adapter:
        return train_adapter(some, general, seed=seed, both=both)

    control_set = _choose_control_set(control_table, encoder, lessons)
    with threadpool_limits(1, user_api="blas"):  # beside another busy process two threads took 2.4 times as long as one
        return tune(lessons, train=train, score=query_scores, control_set=control_set, progress=progress)


def _choose_control_set(table: Path | None, encoder: Encoder, lessons: TrainingSet) -> ControlSet:
    """Return the control set: the one that was named, the one that comes with Recall, or one of the library."""
    if table is not None:
        return caption_control_set(table, encoder)
    shipped = shipped_control_set(encoder)
    return shipped or library_control_set(encoder, lessons.others[lessons.others_are_photos])
