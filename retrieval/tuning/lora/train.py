"""Low-rank training of both towers of an open_clip model on judged queries."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from indexer.encoders.openclip_encoder import OpenClipEncoder, is_out_of_memory
from indexer.errors import TuningError
from indexer.images import Limits
from indexer.types import ProgressCallback
from retrieval.tuning.lora import checkpoints
from retrieval.tuning.lora.data import LoraPlan, PairedQuery, Photos, judged_paths, readable
from retrieval.tuning.lora.inputs import Material, gather, look
from retrieval.tuning.lora.interpolation import Trained
from retrieval.tuning.lora.trainer import Run

logger = logging.getLogger(__name__)


def train_lora(
    encoder: str | OpenClipEncoder,
    train: Sequence[PairedQuery],
    valid: Sequence[PairedQuery],
    *,
    others: Sequence[Path],
    work: Path,
    device: str = "auto",
    plan: LoraPlan | None = None,
    limits: Limits | None = None,
    workers: int = 0,
    timeout: float = 60.0,
    progress: ProgressCallback | None = None,
) -> Trained:
    """Return what training adds to an encoder's weights; the encoder itself stays as it is.

    A run that was killed goes on from its last epoch where `work` has it, and ends with the same weights. Photos that
    cannot be read at the beginning are left out; one that goes later stops it, as a kill does.

    Args:
        encoder: Its name, of any of the forms of `load_encoder` in float32, or one that is loaded.
        train: Judged queries to learn from.
        valid: Others, for early stopping; none: it trains to the end.
        others: Unjudged photos of the library: hard negatives, and what should stay where it is.
        work: Folder for the checkpoint.
        device: As of `load_encoder`; for a name.
        plan: How long and how fast.
        limits: Of photos.
        workers: Processes that decode; 0 for one per processor, at most 8.
        timeout: Seconds that one photo may take.
        progress: Called with photos looked at, then with steps.

    Raises:
        TuningError: There is nothing to learn from, a photo went while it trained, the loss is no number any more, the
            memory is too small, or `work` cannot be written.
        EncoderError: The encoder cannot be used.
    """
    began = time.monotonic()
    plan = plan or LoraPlan()
    start = OpenClipEncoder.load(encoder, device=device) if isinstance(encoder, str) else encoder
    workers = workers or min(8, os.cpu_count() or 1)
    with Photos(start.preprocess, limits=limits, workers=workers, timeout=timeout) as photos:
        known = {path for query in (*train, *valid) for path in (*query.good, *query.bad)}
        unjudged = [path for path in dict.fromkeys(others) if path not in known]
        paths = [*judged_paths([*train, *valid]), *unjudged]
        vectors = look(start, photos, paths, chunk=plan.chunk, progress=progress)
        lessons = gather(train, unjudged, vectors=vectors, texts=start.encode_texts)
        exam = _exam(valid, vectors, start)
        photos.require((path for path in paths if path in vectors), stamps := _stamps(vectors))
        key = _key(start, plan, train, valid, stamps)
        run = Run(start, lessons, exam, photos=photos, plan=plan, save=partial(checkpoints.write, work, key))
        try:
            run.go(checkpoints.read(work, key), progress)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise TuningError(
                f"the device has too little memory to train {plan.chunk} photos or texts at once; set a smaller "
                "--batch-size"
            ) from error
        except OSError as error:
            raise TuningError(f"the checkpoint cannot be written to {work} ({error}); free or choose a disk") from error
        finally:
            changes = run.finish()
    if not all(bool(torch.isfinite(change).all()) for change in changes.values()):
        raise TuningError("training has diverged: a weight is no number; use a lower rate")
    return Trained(
        start=start,
        changes=changes,
        epoch=run.best_epoch,
        losses=tuple(run.losses),
        unreadable=dict(photos.unreadable),
        queries=len(lessons.queries),
        seconds=time.monotonic() - began,
    )


def _exam(
    valid: Sequence[PairedQuery], vectors: dict[Path, NDArray[np.float32]], start: OpenClipEncoder
) -> Material | None:
    """Return what validates; None where nothing does, or none of its good photos can be read."""
    if valid and not readable(valid, vectors):
        logger.warning(
            "none of the %d queries to stop by has a good photo that can be read; trained to the end", len(valid)
        )
        return None
    return gather(valid, (), vectors=vectors, texts=start.encode_texts) if valid else None


def _stamps(paths: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Return size and time of change of each photo that is there."""
    found = {}
    for path in paths:
        with suppress(OSError):
            facts = path.stat()
            found[path] = (facts.st_size, facts.st_mtime_ns)
    return found


def _key(
    encoder: OpenClipEncoder,
    plan: LoraPlan,
    train: Sequence[PairedQuery],
    valid: Sequence[PairedQuery],
    stamps: Mapping[Path, tuple[int, int]],
) -> str:
    """Return what stands for all that decides a run, 40 hex digits; the chunk is not among it.

    A photo that was replaced or cannot be read makes it another run.
    """
    said = [[query.text, list(map(str, query.good)), list(map(str, query.bad))] for query in (*train, *valid)]
    files = [[str(path), *stamp] for path, stamp in stamps.items()]
    parts = [encoder.fingerprint, asdict(replace(plan, chunk=1)), len(train), said, files]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]
