"""LoRA behind the gate: from a training set to new weights of the encoder and their report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from indexer.config import Settings
from indexer.encoders.base import Encoder
from indexer.encoders.names import is_name, split_precision
from indexer.encoders.runtime import require_torch
from indexer.errors import MissingPackageError, TuningError
from indexer.images import Limits
from indexer.types import ProgressCallback, Vectors
from retrieval.tuning.gate import TuningResult, train_with_gate
from retrieval.tuning.lora.judged_photos import (
    EARLY_STOPPING_QUERIES,
    drop_unreadable,
    epochs_for,
    judged_files,
    judged_pairs,
    log_missing,
    sample_unjudged,
    select_trainable,
    split,
    to_pairs,
)
from retrieval.tuning.lora.lora_plan import LoraPlan
from retrieval.tuning.lora.photo_control_set import CACHE_BYTES, photo_control_set, table_control_set
from retrieval.tuning.lora.scores import NumberedProgress, embed_readable, embed_required, photo_scores
from retrieval.tuning.lora.weights import InterpolatedWeights
from retrieval.tuning.training_set import TrainingSet

if TYPE_CHECKING:
    from indexer.encoders.openclip_encoder import OpenClipEncoder
    from retrieval.tuning.lora.photo_reader import PhotoReader

FOLDS = 3
SEEDS = (0, 1)
"""Seven trainings with the final one; each takes about a minute for 100 judgements with `compact` on two cores."""

CPU_CHUNK = 8
"""Photos or texts that a CPU trains at once, see `_plan`."""


class DecodeOptions(TypedDict):
    """How photos are decoded."""

    limits: Limits
    workers: int
    timeout: float


def require_peft() -> None:
    """Check that the packages for training are installed, without importing them.

    Raises:
        MissingPackageError: torch, open_clip or peft is not installed.
    """
    require_torch("training an encoder")
    if find_spec("peft") is None:
        raise MissingPackageError("training an encoder needs peft; run: pip install 'recall-photos[tune]'")


def tune_lora(
    encoder: Encoder,
    training_set: TrainingSet,
    settings: Settings,
    *,
    work: Path,
    control_table: Path | None = None,
    folds: int = FOLDS,
    seeds: tuple[int, ...] = SEEDS,
    progress: ProgressCallback | None = None,
) -> TuningResult[InterpolatedWeights]:
    """Return new weights of an encoder, or None if no alpha was worth it, and their report.

    A stopped run resumes from the last epoch of its current training, as long as `work` is kept and the judgements are
    the same. The report counts the judgements that were trained on, and those whose photo cannot be read.

    Args:
        encoder: The library's encoder, without an adapter; an int8 encoder is trained in float32.
        training_set: The judged queries with their texts and files. Only queries that consist of one text are used, and
            only photos.
        settings: Device, limits and workers.
        work: Folder for checkpoints.
        control_table: A table of captioned pictures as the control set; None takes general prompts on the library.
        folds: As for `train_with_gate`.
        seeds: The same.
        progress: Called for each step of each training.

    Raises:
        TuningError: There are too few judgements, or a training failed.
        EncoderError: The encoder cannot be loaded.
        MissingPackageError: A package is not installed.
        EvaluationError: The table of captioned pictures cannot be used.
    """
    require_peft()
    from retrieval.tuning.lora.photo_reader import PhotoReader  # late: only training starts decoding processes

    start = _load_trainable(encoder, settings)
    numbered = NumberedProgress(progress, folds * len(seeds) + 1)
    with PhotoReader(start.preprocess, cache_bytes=CACHE_BYTES, **decode_options(settings)) as photos:
        trainable = select_trainable(training_set)
        vectors = embed_readable(start, photos, judged_files(trainable), progress=numbered)
        readable, missing = drop_unreadable(trainable, vectors, photos)
        unjudged, control_photos = sample_unjudged(readable, with_control_set=control_table is None)
        if control_table is None:
            control_set = photo_control_set(control_photos, start, photos, progress=numbered)
        else:
            control_set = table_control_set(control_table, start, photos, progress=numbered)
        method = _LoraMethod(
            start, settings, work, unjudged,
            before=dict(zip(judged_pairs(readable), photo_scores(readable, start, vectors), strict=True)),
            early_stopping=len(readable.names) >= EARLY_STOPPING_QUERIES, photos=photos, progress=numbered,
        )  # fmt: skip
        result: TuningResult[InterpolatedWeights] = train_with_gate(
            readable, train=method.train, score=method.score, control_set=control_set, method="lora", folds=folds,
            seeds=seeds,
        )  # fmt: skip
    return TuningResult(result.change, replace(result.report, used=len(readable.files), missing=missing))


@dataclass(frozen=True, slots=True)
class _LoraMethod:
    """LoRA as the gate calls it: trains on parts of the training set, and scores judged photos.

    Attributes:
        start: The encoder before training.
        settings: Limits and workers.
        work: Folder for checkpoints.
        unjudged: Unjudged photos for the trainings.
        before: Score of each pair of query text and file before training.
        early_stopping: Whether a part of the queries validates. It is the same in all trainings, so that the final one
            is trained like those that were measured.
        photos: Decodes the photos that are scored.
        progress: Called for each step; has the number of the current training.
    """

    start: OpenClipEncoder
    settings: Settings
    work: Path
    unjudged: list[Path]
    before: dict[tuple[str, str], float]
    early_stopping: bool
    photos: PhotoReader
    progress: NumberedProgress

    def train(self, part: TrainingSet, seed: int) -> InterpolatedWeights:
        """Return the weights trained on a part of the training set."""
        from retrieval.tuning.lora.train_lora import train_lora  # late: it imports torch

        self.progress.number += 1
        train, valid = split(to_pairs(part), seed, early_stopping=self.early_stopping)
        result = train_lora(
            self.start, train, valid,
            unjudged=self.unjudged, work=self.work / str(self.progress.number),
            plan=_plan(self.start, seed, len(train)), progress=self.progress, **decode_options(self.settings),
        )  # fmt: skip
        if self.progress.number == 1 and result.unreadable:  # the other trainings have the same unjudged photos
            log_missing(result.unreadable, "unjudged photos", len(self.unjudged))
        return InterpolatedWeights(result)

    def score(self, part: TrainingSet, change: InterpolatedWeights | None) -> Vectors:
        """Return the score of each judged photo.

        Raises:
            TuningError: A photo can no longer be read.
        """
        if change is None:
            return np.array([self.before[pair] for pair in judged_pairs(part)], dtype=np.float32)
        vectors = embed_required(change.encoder, self.photos, judged_files(part), progress=self.progress)
        return photo_scores(part, change.encoder, vectors)


def decode_options(settings: Settings) -> DecodeOptions:
    """Return how photos are decoded."""
    return DecodeOptions(
        limits=Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes),
        workers=min(8, settings.decoders) if settings.workers is None else settings.workers,
        timeout=settings.timeout,
    )


def _load_trainable(encoder: Encoder, settings: Settings) -> OpenClipEncoder:
    """Return the encoder as an open_clip model in float32.

    Raises:
        TuningError: It has no name by which it can be loaded, or its weights were replaced.
        EncoderError: It cannot be loaded.
    """
    from indexer.encoders.openclip_encoder import OpenClipEncoder  # late: it imports torch

    name, precision = split_precision(encoder.name)
    if not is_name(name):
        raise TuningError(
            f"the library's encoder {name!r} is not an open_clip model that can be loaded by its name, so its weights "
            "cannot be trained; leave out --method lora: an adapter works with any encoder"
        )
    start = OpenClipEncoder.load(name, device=settings.device, batch_size=settings.batch_size)
    if precision == "float32" and start.fingerprint != encoder.fingerprint:
        raise TuningError(
            f"{name!r} has other weights now than the library's encoder of that name, so the judgements are not about "
            f"it; run: recall encoder use {name}"
        )
    return start


def _plan(start: OpenClipEncoder, seed: int, queries: int) -> LoraPlan:
    """Return the settings for a number of queries, with a chunk that suits the device and does not change the result.

    With `compact` on one core the process needs at most 1.8 GB with 8 photos and 3.7 GB with 32, which take no less
    time.
    """
    plan = LoraPlan(seed=seed)
    plan = replace(plan, epochs=epochs_for(queries, plan.batch))
    return replace(plan, chunk=min(CPU_CHUNK if start.device == "cpu" else plan.chunk, start.batch_size))
