"""One LoRA training of both towers of an open_clip model on judged queries."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch

from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.encoders.torch_errors import is_out_of_memory
from indexer.errors import TuningError
from indexer.images import Limits
from indexer.types import ProgressCallback, Vectors
from retrieval.tuning.lora.checkpoints import read_checkpoint, write_checkpoint
from retrieval.tuning.lora.inputs import TrainingInputs, embed_photos, prepare_inputs
from retrieval.tuning.lora.interpolation import LoraResult
from retrieval.tuning.lora.lora_plan import LoraPlan
from retrieval.tuning.lora.paired_queries import PairedQuery, judged_paths, keep_readable
from retrieval.tuning.lora.photo_reader import PhotoReader
from retrieval.tuning.lora.trainer import LoraTrainer

logger = logging.getLogger(__name__)


def train_lora(
    encoder: str | OpenClipEncoder,
    train: Sequence[PairedQuery],
    valid: Sequence[PairedQuery],
    *,
    unjudged: Sequence[Path],
    work: Path,
    device: str = "auto",
    plan: LoraPlan | None = None,
    limits: Limits | None = None,
    workers: int | None = None,
    timeout: float = 60.0,
    progress: ProgressCallback | None = None,
) -> LoraResult:
    """Return what a training adds to an encoder's weights; the encoder itself stays as it is.

    A stopped training resumes from its last epoch if `work` has the checkpoint, and ends with the same weights. Photos
    that cannot be read at the beginning are left out; one that becomes unreadable later stops the training.

    Args:
        encoder: A loaded encoder, or its name in any of the forms that `load_encoder` takes for float32.
        train: Judged queries to train on.
        valid: Other judged queries for early stopping; if empty, all epochs are trained.
        unjudged: Unjudged photos of the library, for hard negatives and to measure drift.
        work: Folder for the checkpoint.
        device: As for `load_encoder`, if `encoder` is a name.
        plan: The settings of the training.
        limits: Limits of photos.
        workers: Number of decoding processes; 0 decodes in threads, None starts one per processor, at most 8.
        timeout: Seconds that decoding a photo may take.
        progress: Called for each embedded photo, then for each step.

    Raises:
        TuningError: There is nothing to train on, a photo became unreadable, the loss is not finite, there is too
            little memory, or `work` cannot be written.
        EncoderError: The encoder cannot be used.
    """
    started = time.monotonic()
    plan = plan or LoraPlan()
    start = OpenClipEncoder.load(encoder, device=device) if isinstance(encoder, str) else encoder
    workers = min(8, os.cpu_count() or 1) if workers is None else workers
    with PhotoReader(start.preprocess, limits=limits, workers=workers, timeout=timeout) as photos:
        inputs, validation, key = _prepare(start, train, valid, unjudged, photos=photos, plan=plan, progress=progress)
        save = partial(write_checkpoint, work, key)
        trainer = LoraTrainer(start, inputs, validation, photos=photos, plan=plan, save=save)
        try:
            with _explained_errors(plan, work):
                trainer.train(read_checkpoint(work, key), progress)
        finally:
            deltas = trainer.finish()
    if not all(bool(torch.isfinite(delta).all()) for delta in deltas.values()):
        raise TuningError("training has diverged: a weight is not finite; use a lower rate")
    return LoraResult(
        start=start,
        deltas=deltas,
        epoch=trainer.best_epoch,
        losses=tuple(trainer.losses),
        unreadable=dict(photos.unreadable),
        queries=len(inputs.queries),
        seconds=time.monotonic() - started,
    )


def _prepare(
    start: OpenClipEncoder,
    train: Sequence[PairedQuery],
    valid: Sequence[PairedQuery],
    unjudged: Sequence[Path],
    *,
    photos: PhotoReader,
    plan: LoraPlan,
    progress: ProgressCallback | None,
) -> tuple[TrainingInputs, TrainingInputs | None, str]:
    """Return the inputs of the training and of its validation, and the key of its checkpoints.

    Raises:
        TuningError: No query has a good photo that can be read, or a photo became unreadable meanwhile.
    """
    judged = judged_paths([*train, *valid])
    paths = list(dict.fromkeys([*judged, *unjudged]))
    vectors = embed_photos(start, photos, paths, chunk=plan.chunk, progress=progress)
    inputs = prepare_inputs(train, paths[len(judged) :], vectors=vectors, encode_texts=start.encode_texts)
    validation = _validation_inputs(valid, vectors, start)
    stamps = _file_stamps(vectors)
    photos.require((path for path in paths if path in vectors), stamps)
    return inputs, validation, _checkpoint_key(start, plan, train, valid, stamps)


@contextmanager
def _explained_errors(plan: LoraPlan, work: Path) -> Iterator[None]:
    """Turn errors of the device and the disk into a `TuningError` that says what to do."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise TuningError(
            f"the device has too little memory to train {plan.chunk} photos or texts at once; "
            "set a smaller --batch-size"
        ) from error
    except OSError as error:
        raise TuningError(
            f"the checkpoint cannot be written to {work} ({error}); free space or choose another disk"
        ) from error


def _validation_inputs(
    valid: Sequence[PairedQuery], vectors: dict[Path, Vectors], start: OpenClipEncoder
) -> TrainingInputs | None:
    """Return the inputs of the validation, or None if there are no queries or none of their good photos can be read."""
    if valid and not keep_readable(valid, vectors):
        logger.warning(
            "none of the %d validation queries has a good photo that can be read; training without early stopping",
            len(valid),
        )
        return None
    return prepare_inputs(valid, (), vectors=vectors, encode_texts=start.encode_texts) if valid else None


def _file_stamps(paths: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Return size and modification time in nanoseconds of each photo that exists."""
    stamps = {}
    for path in paths:
        with suppress(OSError):
            stat = path.stat()
            stamps[path] = (stat.st_size, stat.st_mtime_ns)
    return stamps


_CHECKPOINT_KEYS = {"lora_alpha": "alpha", "drift_weight": "keep", "drift_samples": "kept"}
"""Former names of settings, which are in the keys of checkpoints: a training that was stopped before can continue."""


def _checkpoint_key(
    encoder: OpenClipEncoder,
    plan: LoraPlan,
    train: Sequence[PairedQuery],
    valid: Sequence[PairedQuery],
    stamps: Mapping[Path, tuple[int, int]],
) -> str:
    """Return a digest of everything that determines a training, 40 hex digits; the chunk size does not.

    A photo that was replaced or can no longer be read changes it.
    """
    queries = [[query.text, list(map(str, query.good)), list(map(str, query.bad))] for query in (*train, *valid)]
    files = [[str(path), *stamp] for path, stamp in stamps.items()]
    settings = {_CHECKPOINT_KEYS.get(name, name): value for name, value in asdict(replace(plan, chunk=1)).items()}
    parts = [encoder.fingerprint, settings, len(train), queries, files]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]
