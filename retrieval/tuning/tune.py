"""Tuning of a library: from its judgements to an adapter or new weights, and a report."""

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
from retrieval.tuning.adapter.train_adapter import query_scores, train_adapter
from retrieval.tuning.control_set.control_set import (
    ControlSet,
    caption_control_set,
    library_control_set,
    shipped_control_set,
)
from retrieval.tuning.gate import TuningResult, train_with_gate
from retrieval.tuning.lora.tune_lora import require_peft, tune_lora
from retrieval.tuning.lora.weights import InterpolatedWeights
from retrieval.tuning.read_training_set import read_training_set
from retrieval.tuning.report import TuningReport
from retrieval.tuning.training_set import TrainingSet


def tune_library(
    store: Store,
    encoder: Encoder,
    settings: Settings,
    *,
    checkpoints: Path | None = None,
    transform_photos: bool = False,
    control_table: Path | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[Adapter | InterpolatedWeights | None, TuningReport]:
    """Train on all judgements, and return the change, or None if none was better, and its report.

    The library is not changed.

    Args:
        store: The library.
        encoder: Its encoder, without an adapter.
        settings: Limits of pictures; device and workers.
        checkpoints: Folder for the checkpoints of LoRA; None trains an adapter.
        transform_photos: Whether an adapter transforms photos too.
        control_table: A table of captioned pictures as the control set; None takes the one that suits the encoder.
        progress: Called with the progress.

    Raises:
        TuningError: There are too few judgements, or training fails.
        EvaluationError: The table of captioned pictures cannot be used.
        MissingPackageError: A package for LoRA is not installed.
    """
    if checkpoints is not None:
        require_peft()
    training_set, stats = read_training_set(store, encoder)
    if not len(training_set.names):
        raise TuningError(
            "there is nothing to learn from: no query has a hit that was judged good; run: recall judge QUERY"
        )
    result: TuningResult[Adapter] | TuningResult[InterpolatedWeights]
    if checkpoints is None:
        result = _tune_adapter(
            training_set, encoder, control_table, transform_photos=transform_photos, progress=progress
        )
    else:
        result = tune_lora(
            encoder, training_set, settings, work=checkpoints, control_table=control_table, progress=progress
        )
    return result.change, replace(
        result.report,
        judgements=stats.judgements,
        used=stats.used if checkpoints is None else result.report.used,
        contradicted=stats.contradicted,
        missing=stats.missing + result.report.missing,
    )


def _tune_adapter(
    training_set: TrainingSet,
    encoder: Encoder,
    control_table: Path | None,
    *,
    transform_photos: bool,
    progress: ProgressCallback | None,
) -> TuningResult[Adapter]:
    general = background_vectors(encoder)

    def train(part: TrainingSet, seed: int) -> Adapter:
        return train_adapter(part, general, seed=seed, transform_photos=transform_photos)

    control_set = _choose_control_set(control_table, encoder, training_set)
    with threadpool_limits(1, user_api="blas"):  # on a busy machine two threads took 2.4 times as long as one
        return train_with_gate(
            training_set, train=train, score=query_scores, control_set=control_set, progress=progress
        )


def _choose_control_set(table: Path | None, encoder: Encoder, training_set: TrainingSet) -> ControlSet:
    """Return the control set of the table, or else the one that ships for the encoder, or else one of the library."""
    if table is not None:
        return caption_control_set(table, encoder)
    shipped = shipped_control_set(encoder)
    return shipped or library_control_set(encoder, training_set.unjudged[training_set.unjudged_are_photos])
