"""From lessons to new weights of the encoder and their receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.config import Settings, processors
from indexer.encoders.base import require_torch, split_precision
from indexer.errors import EvaluationError, MissingPackageError, TuningError
from indexer.images import Limits
from indexer.types import Ids, Progress, ProgressCallback, Vectors
from retrieval.calibration.background import prompts
from retrieval.evaluate.captions import judged_both_ways
from retrieval.evaluate.sets import read_captions
from retrieval.tuning.adapters import query_scores
from retrieval.tuning.gate import Outcome, tune
from retrieval.tuning.lessons import Lessons
from retrieval.tuning.probe import SMALLEST

if TYPE_CHECKING:
    from indexer.encoders.openclip import OpenClipEncoder
    from retrieval.tuning.lora.data import PairedQuery, Photos
    from retrieval.tuning.lora.trained import Trained

FOLDS = 3
SEEDS = (0, 1)
"""Seven trainings with the last one; each takes about a minute for 100 judgements with `compact` on two cores."""

STOPPED = 20
"""Queries from which a fifth decides when to stop. One or two queries would stop by chance: users of ten judged queries
gained less than those of two, of whom every query was learnt from (`tests.bench.lora_users`)."""

OTHERS = 400
"""Unjudged photos to learn beside: half the nearest to the queries, half at random."""

PROBED = 300
"""Unjudged photos of the library to measure with, none of them among those that are learnt beside."""


class NewWeights:
    """What one training gave, at a share of it."""

    def __init__(self, trained: Trained, share: float = 1.0) -> None:
        """Wrap a training; its model is made when it is needed."""
        self.trained, self.share = trained, share

    def at(self, share: float) -> NewWeights:
        """Return a part of it, 0 for the old weights and 1 for what this is."""
        return NewWeights(self.trained, self.share * share)

    @cached_property
    def encoder(self) -> OpenClipEncoder:
        """The encoder with these weights."""
        return self.trained.encoder(self.share)

    def save(self, folder: Path) -> str:
        """Return the name of the encoder after writing it into a new folder, see `Trained.save`."""
        return self.trained.save(folder, self.share)


@dataclass(slots=True)
class PhotoProbe:
    """Texts and the photos that they mean, which are read again for every encoder.

    Attributes:
        name: What it is, for people.
        texts: The texts.
        paths: The photos.
        owners: The photo that each text means, a row of `paths`, ascending; shape (t,).
        start: The encoder before training.
        photos: Decodes them.
        known: R@5 of `start`, once it is known.
    """

    name: str
    texts: Sequence[str]
    paths: Sequence[Path]
    owners: Ids
    start: OpenClipEncoder
    photos: Photos
    known: float | None = None

    def r5(self, change: NewWeights | None, /) -> float:
        """Return for how many of 100 texts the right photo is among the first five; photos that are gone are passed."""
        if change is None and self.known is not None:
            return self.known
        encoder = self.start if change is None else change.encoder
        vectors = _looked(encoder, self.photos, self.paths)
        here = np.array([path in vectors for path in self.paths])
        kept = here[self.owners]
        if not kept.any():
            raise TuningError(f"none of the photos of {self.name} can be read any more; are their disks there?")
        place = np.cumsum(here) - 1
        texts = encoder.encode_texts([text for text, keep in zip(self.texts, kept, strict=True) if keep])
        rows = np.stack([vectors[path] for path in self.paths if path in vectors])
        forward, _ = judged_both_ways(texts, rows, place[self.owners[kept]])
        found = float(100 * np.mean(forward.places < 5))
        if change is None:
            self.known = found
        return found


def require_peft() -> None:
    """Refuse to train where a package is missing; none is imported.

    Raises:
        MissingPackageError: torch, open_clip or peft is not installed.
    """
    require_torch("training an encoder")
    if find_spec("peft") is None:
        raise MissingPackageError("training an encoder needs peft; run: pip install 'recall-search[tune]'")


def learn_weights(
    name: str,
    lessons: Lessons,
    settings: Settings,
    *,
    work: Path,
    probe: Path | None = None,
    folds: int = FOLDS,
    seeds: tuple[int, ...] = SEEDS,
    progress: ProgressCallback | None = None,
) -> Outcome[NewWeights]:
    """Return new weights of an encoder, None where no share of them was worth it, and their receipt.

    A run that was stopped goes on from the last epoch of the training that it was in, as long as `work` is kept and
    nothing else was judged.

    Args:
        name: Of the encoder; int8 is trained in float32.
        lessons: What was judged, with words and files. Queries that are not one text, and texts that were judged, are
            left out.
        settings: Device, limits and workers.
        work: Folder for checkpoints.
        probe: A table of captioned pictures to use as the general probe; None takes general words on this library.
        folds: See `retrieval.tuning.gate.tune`.
        seeds: The same.
        progress: Called with steps of each training.

    Raises:
        TuningError: There are too few judgements, or training fails.
        MissingPackageError: A package is not installed.
        EvaluationError: The table of captioned pictures cannot be used.
    """
    require_peft()
    from indexer.encoders.openclip import OpenClipEncoder  # late: these take seconds
    from retrieval.tuning.lora.data import LoraPlan, Photos
    from retrieval.tuning.lora.train import train_lora

    some = of_words_and_photos(lessons)
    start = OpenClipEncoder.load(split_precision(name)[0], device=settings.device, batch_size=settings.batch_size)
    limits = Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)
    workers = settings.workers or min(8, processors())
    others, probed = _beside(some)
    numbers = count(1)
    total = folds * len(seeds) + 1
    with Photos(start.preprocess, limits=limits, workers=workers) as photos:

        def train(part: Lessons, seed: int) -> NewWeights:
            number = next(numbers)
            learnt, valid = divided(paired(part), seed)
            return NewWeights(
                train_lora(
                    start, learnt, valid,
                    others=others, work=work / str(number), plan=LoraPlan(seed=seed), limits=limits, workers=workers,
                    progress=_numbered(progress, number, total),
                )
            )  # fmt: skip

        def score(part: Lessons, change: NewWeights | None) -> Vectors:
            return query_scores(part, None) if change is None else weight_scores(part, change.encoder, photos)

        general = _probe(probe, start, photos, probed)
        outcome: Outcome[NewWeights] = tune(
            some, train=train, score=score, probe=general, method="lora", folds=folds, seeds=seeds
        )
    return outcome


def of_words_and_photos(lessons: Lessons) -> Lessons:
    """Return the photos that were judged for queries of one text, of queries that keep a good one."""
    units = lessons.are_photos
    good = np.bincount(lessons.owners[units & lessons.good], minlength=len(lessons.names)) > 0
    worded = np.array([bool(each) for each in lessons.words], dtype=np.bool_)
    return lessons.take(np.flatnonzero(good & worded), units)


def paired(lessons: Lessons) -> list[PairedQuery]:
    """Return the lessons as words and files."""
    from retrieval.tuning.lora.data import PairedQuery  # late: the package imports torch

    found = []
    for number, words in enumerate(lessons.words):
        mine = np.flatnonzero(lessons.owners == number)
        good = tuple(Path(lessons.files[row]) for row in mine if lessons.good[row])
        bad = tuple(Path(lessons.files[row]) for row in mine if not lessons.good[row])
        found.append(PairedQuery(words, good, bad))
    return found


def weight_scores(lessons: Lessons, encoder: OpenClipEncoder, photos: Photos) -> Vectors:
    """Return the cosine of each judged photo with its query under an encoder, shape (n,).

    A photo that cannot be read now has the score that it had before training.
    """
    texts = encoder.encode_texts(list(lessons.words))
    vectors = _looked(encoder, photos, list(dict.fromkeys(map(Path, lessons.files))))
    scores = query_scores(lessons, None).copy()
    for row, (owner, file) in enumerate(zip(lessons.owners.tolist(), lessons.files, strict=True)):
        if Path(file) in vectors:
            scores[row] = texts[owner] @ vectors[Path(file)]
    return scores


def _looked(encoder: OpenClipEncoder, photos: Photos, paths: Sequence[Path]) -> dict[Path, Vectors]:
    from retrieval.tuning.lora.material import look  # late, as above

    return look(encoder, photos, paths, chunk=encoder.batch_size, progress=None)


def divided(queries: list[PairedQuery], seed: int) -> tuple[list[PairedQuery], list[PairedQuery]]:
    """Return queries to learn from and a fifth of them to stop by; of few all are learnt from, to the last epoch."""
    order = np.random.default_rng([seed, 1]).permutation(len(queries))
    held = len(queries) // 5 if len(queries) >= STOPPED else 0
    return [queries[row] for row in order[held:]], [queries[row] for row in order[:held]]


def _beside(lessons: Lessons) -> tuple[list[Path], list[Path]]:
    """Return unjudged photos to learn beside, and others to measure with."""
    rows = np.flatnonzero(lessons.others_are_photos)
    drawn = np.random.default_rng(0).permutation(rows)
    probed, rest = drawn[:PROBED], drawn[PROBED:]
    near = np.zeros(0, dtype=np.int64)
    if len(rest) and len(lessons.texts):
        near = rest[np.argsort(-(lessons.others[rest] @ lessons.texts.T).max(axis=1), kind="stable")[: OTHERS // 2]]
    chosen = list(dict.fromkeys([*near.tolist(), *rest[: OTHERS // 2].tolist()]))
    files = [Path(each) for each in lessons.other_files]
    return [files[row] for row in chosen], [files[row] for row in probed.tolist()]


def _probe(table: Path | None, start: OpenClipEncoder, photos: Photos, probed: Sequence[Path]) -> PhotoProbe:
    """Return the general probe: captioned pictures, or general words with the photo that the start finds for each."""
    if table is not None:
        pictures = read_captions(table)
        texts = [caption for picture in pictures for caption in picture.captions]
        owners = np.repeat(np.arange(len(pictures)), [len(picture.captions) for picture in pictures])
        if not texts:
            raise EvaluationError(f"{table} has no captions; expected the columns image and caption")
        return PhotoProbe(table.name, texts, [picture.path for picture in pictures], owners, start, photos)
    vectors = _looked(start, photos, list(dict.fromkeys(probed)))
    paths = list(vectors)
    if len(paths) < SMALLEST:
        raise TuningError(
            f"{len(paths)} photos of the library have no judgement and can be read; to see whether learning harms "
            f"other searches needs {SMALLEST}: index more, or name a table of captioned photos with --probe"
        )
    found = np.argmax(start.encode_texts(list(prompts())) @ np.stack(list(vectors.values())).T, axis=1)
    order = np.argsort(found, kind="stable")
    texts = [prompts()[row] for row in order.tolist()]
    name = f"{len(texts)} prompts on {len(paths)} photos of the library"
    return PhotoProbe(name, texts, paths, found[order].astype(np.int64), start, photos)


def _numbered(progress: ProgressCallback | None, number: int, total: int) -> ProgressCallback | None:
    """Return a callback that says which training it is."""
    if progress is None:
        return None

    def told(each: Progress) -> None:
        progress(Progress(f"{each.stage} ({number} of {total})", each.done, each.total))

    return told
