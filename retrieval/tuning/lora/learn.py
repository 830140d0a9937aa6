"""From lessons to new weights of the encoder and their receipt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from indexer.config import Settings, cpu_count
from indexer.encoders.base import Encoder
from indexer.encoders.names import is_name, split_precision
from indexer.encoders.runtime import require_torch
from indexer.errors import MissingPackageError, TuningError
from indexer.images import Limits
from indexer.types import ProgressCallback, Vectors
from retrieval.tuning.gate import Outcome, tune
from retrieval.tuning.lora.dataset import (
    STOPPED,
    drop_unreadable,
    epochs_for,
    log_missing,
    of_words_and_photos,
    split,
    to_pairs,
    unjudged_sample,
)
from retrieval.tuning.lora.evaluate import (
    HELD,
    NumberedProgress,
    embed_readable,
    embed_required,
    files_of,
    pairs,
    photo_control_set,
    table_control_set,
    weight_scores,
)
from retrieval.tuning.lora.weights import NewWeights
from retrieval.tuning.training_set import TrainingSet

if TYPE_CHECKING:
    from indexer.encoders.openclip_encoder import OpenClipEncoder
    from retrieval.tuning.lora.data import LoraPlan, Photos

FOLDS = 3
SEEDS = (0, 1)
"""Seven trainings with the last one; each takes about a minute for 100 judgements with `compact` on two cores."""

ON_CPU = 8
"""Photos or texts that a CPU trains at once, see `_plan`."""


class DecodeOptions(TypedDict):
    """How photos are decoded."""

    limits: Limits
    workers: int
    timeout: float


def require_peft() -> None:
    """Refuse to train where a package is missing; none is imported.

    Raises:
        MissingPackageError: torch, open_clip or peft is not installed.
    """
    require_torch("training an encoder")
    if find_spec("peft") is None:
        raise MissingPackageError("training an encoder needs peft; run: pip install 'recall-photos[tune]'")


def learn_weights(
    encoder: Encoder,
    lessons: TrainingSet,
    settings: Settings,
    *,
    work: Path,
    control_table: Path | None = None,
    folds: int = FOLDS,
    seeds: tuple[int, ...] = SEEDS,
    progress: ProgressCallback | None = None,
) -> Outcome[NewWeights]:
    """Return new weights of an encoder, None where no share of them was worth it, and their receipt.

    A run that was stopped goes on from the last epoch of the training that it was in, as long as `work` is kept and
    nothing else was judged. The receipt counts the judgements that taught, and those whose photo cannot be read now.

    Args:
        encoder: The library's, without an adapter; int8 is trained in float32.
        lessons: What was judged, with words and files. Queries that are not one text, and texts that were judged, are
            left out.
        settings: Device, limits and workers.
        work: Folder for checkpoints.
        control_table: A table of captioned pictures as the control set; None takes general words on this library.
        folds: See `retrieval.tuning.gate.tune`.
        seeds: The same.
        progress: Called with steps of each training.

    Raises:
        TuningError: There are too few judgements, or training fails.
        EncoderError: The encoder cannot be loaded.
        MissingPackageError: A package is not installed.
        EvaluationError: The table of captioned pictures cannot be used.
    """
    require_peft()
    from retrieval.tuning.lora.data import Photos  # late: it takes seconds

    start = _loaded(encoder, settings)
    told = NumberedProgress(progress, folds * len(seeds) + 1)
    with Photos(start.preprocess, hold=HELD, **reading(settings)) as photos:
        asked = of_words_and_photos(lessons)
        vectors = embed_readable(start, photos, files_of(asked), progress=told)
        some, gone = drop_unreadable(asked, vectors, photos)
        others, measured = unjudged_sample(some, with_control_set=control_table is None)
        if control_table is None:
            control_set = photo_control_set(measured, start, photos, progress=told)
        else:
            control_set = table_control_set(control_table, start, photos, progress=told)
        learner = _Learner(
            start=start,
            settings=settings,
            work=work,
            others=others,
            before=dict(zip(pairs(some), weight_scores(some, start, vectors), strict=True)),
            stops=len(some.names) >= STOPPED,
            photos=photos,
            told=told,
        )
        outcome: Outcome[NewWeights] = tune(
            some,
            train=learner.train,
            score=learner.score,
            control_set=control_set,
            method="lora",
            folds=folds,
            seeds=seeds,
        )
    return Outcome(outcome.change, replace(outcome.receipt, used=len(some.files), missing=gone))


@dataclass(frozen=True, slots=True)
class _Learner:
    """Trains parts of the lessons, and scores them before and after.

    Attributes:
        start: The encoder before training.
        settings: Limits and workers.
        work: Folder for checkpoints.
        others: Unjudged photos to learn beside.
        before: Score of each pair of query and file under `start`.
        stops: Whether queries are held out to stop by: the same in all trainings, so that the one that is kept is
            trained as those that were measured.
        photos: Decodes what is measured.
        told: Told each step.
    """

    start: OpenClipEncoder
    settings: Settings
    work: Path
    others: list[Path]
    before: dict[tuple[str, str], float]
    stops: bool
    photos: Photos
    told: NumberedProgress

    def train(self, part: TrainingSet, seed: int) -> NewWeights:
        """Return what these lessons teach."""
        from retrieval.tuning.lora.train import train_lora  # late, as above

        self.told.number += 1
        learnt, valid = split(to_pairs(part), seed, stops=self.stops)
        trained = train_lora(
            self.start, learnt, valid,
            others=self.others, work=self.work / str(self.told.number), plan=_plan(self.start, seed, len(learnt)),
            progress=self.told, **reading(self.settings),
        )  # fmt: skip
        if self.told.number == 1 and trained.unreadable:  # the others learn beside the same photos
            log_missing(trained.unreadable, "unjudged photos", len(self.others))
        return NewWeights(trained)

    def score(self, part: TrainingSet, change: NewWeights | None) -> Vectors:
        """Return the score of each judged photo.

        Raises:
            TuningError: A photo cannot be read any more.
        """
        if change is None:
            return np.array([self.before[pair] for pair in pairs(part)], dtype=np.float32)
        vectors = embed_required(change.encoder, self.photos, files_of(part), progress=self.told)
        return weight_scores(part, change.encoder, vectors)


def reading(settings: Settings) -> DecodeOptions:
    """Return how photos are decoded."""
    return DecodeOptions(
        limits=Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes),
        workers=settings.workers or min(8, cpu_count()),
        timeout=settings.timeout,
    )


def _loaded(encoder: Encoder, settings: Settings) -> OpenClipEncoder:
    """Return the encoder as open_clip's model in float32.

    Raises:
        TuningError: It has no name to load it by, or what is loaded gives other vectors.
        EncoderError: It cannot be loaded.
    """
    from indexer.encoders.openclip_encoder import OpenClipEncoder  # late: it takes seconds

    name, precision = split_precision(encoder.name)
    if not is_name(name):
        raise TuningError(
            f"the library's encoder {name!r} is no open_clip model that can be loaded by its name, so that it has no "
            "weights to train; leave out --method lora: an adapter works with any encoder"
        )
    start = OpenClipEncoder.load(name, device=settings.device, batch_size=settings.batch_size)
    if precision == "float32" and start.fingerprint != encoder.fingerprint:
        raise TuningError(
            f"{name!r} has other weights now than the library's encoder of that name: trained, it would not be what "
            f"was judged; run: recall encoder use {name}"
        )
    return start


def _plan(start: OpenClipEncoder, seed: int, queries: int) -> LoraPlan:
    """Return a plan for so many queries, whose chunk suits the device; the chunk changes no result.

    With `compact` on one core the process peaks at 1.8 GB with 8 photos and at 3.7 with 32, which take no less time.
    """
    from retrieval.tuning.lora.data import LoraPlan  # late, as above

    plan = LoraPlan(seed=seed)
    plan = replace(plan, epochs=epochs_for(queries, plan.batch))
    return replace(plan, chunk=min(ON_CPU if start.device == "cpu" else plan.chunk, start.batch_size))
