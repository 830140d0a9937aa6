"""An encoder on captioned pictures, from words to pictures and back.

The definitions follow Karpathy and Fei-Fei 2015 (section 4.2), which papers on Flickr8k and COCO report: text to image
counts every caption as one query, image to text counts a picture as found where any of its captions is among the k.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.base import Encoder
from indexer.errors import EvaluationError, PictureError
from indexer.images import read_photo
from indexer.types import Ids, Pixels, Progress, ProgressCallback, Vectors
from retrieval.evaluation.datasets import CaptionedPicture, read_captions
from retrieval.evaluation.metrics import Judged
from retrieval.evaluation.result import Evaluation, measure

T = TypeVar("T")

_SCORES = 2**24  # held at once: 64 MB

_CAPTIONS = 256  # per call of the encoder


def evaluate_captions(
    csv_path: Path,
    encoder: Encoder,
    *,
    split: str | None = None,
    calibration: bool = False,
    progress: ProgressCallback | None = None,
) -> Evaluation:
    """Return what the encoder reaches on a set of captioned pictures.

    Pictures that cannot be read are named in the result and left out with their captions. Memory holds one batch of
    pictures and all vectors.

    Args:
        csv_path: As for `read_captions`.
        encoder: Which gives the vectors.
        split: Part of the set, where its table has a column split.
        calibration: Measure the probabilities of a search too, see `calibration_quality`; the result is in `about`.
        progress: Called after each batch.

    Raises:
        EvaluationError: The set cannot be used, or none of its pictures can be read.
    """
    found = read_captions(csv_path, split)
    failures: list[tuple[str, str]] = []
    kept, images = _encode_pictures(found, encoder, failures, progress)
    if not kept:
        path, reason = failures[0]
        raise EvaluationError(
            f"none of the {len(found)} pictures of {csv_path} can be read, first {path}: {reason}; "
            "expected them in images/ beside the table"
        )
    texts = _encode_captions([caption for picture in kept for caption in picture.captions], encoder, progress)
    owners = np.repeat(np.arange(len(kept)), [len(picture.captions) for picture in kept])  # (t,)
    forward, backward = judged_both_ways(texts, images, owners)
    return Evaluation(
        system=encoder.name,
        directions={
            "text_to_image": measure(forward, owners, progress),
            "image_to_text": measure(backward, np.arange(len(kept)), progress),
        },
        about={
            "images": len(kept),
            "captions": len(texts),
            "encoder": encoder.name,
            **(_calibration(texts, images, owners, encoder) if calibration else {}),
        },
        failures=tuple(failures),
    )


def _calibration(texts: Vectors, images: Vectors, owners: Ids, encoder: Encoder) -> dict[str, float]:
    from retrieval.calibration.background import background_vectors  # late: it stands beside what opens libraries
    from retrieval.evaluation.calibration import calibration_quality

    return calibration_quality(texts, images, owners, background_vectors(encoder))


def judged_both_ways(texts: Vectors, images: Vectors, owners: Ids) -> tuple[Judged, Judged]:
    """Return where each caption finds its picture, and where each picture finds its captions.

    Args:
        texts: Unit vectors of the captions, shape (t, d).
        images: Unit vectors of the pictures, shape (n, d); each has at least one caption.
        owners: Which picture each caption describes, ascending, shape (t,).

    Raises:
        ValueError: There is nothing to rank, or `owners` does not fit the vectors.
    """
    if not len(texts) or not len(images) or owners.shape != (len(texts),):
        raise ValueError(f"{len(texts)} texts, {len(images)} images and owners {owners.shape} do not fit")
    numbers, grades = np.arange(len(texts)), np.ones(len(texts), dtype=np.int64)
    forward = _places(texts, images, numbers, owners)
    backward = _places(images, texts, owners, numbers)
    return Judged(len(texts), numbers, forward, grades), Judged(len(images), owners, backward, grades)


def _places(queries: Vectors, answers: Vectors, owners: Ids, relevant: Ids) -> Ids:
    """Return the place of each relevant answer among all answers to its query, 0 for the best, shape (p,).

    Equal scores are ordered by index, so an encoder that gives every input the same vector is not flattered.
    """
    places = np.empty(len(owners), dtype=np.int64)
    block = max(1, _SCORES // len(answers))
    for start in range(0, len(queries), block):
        scores = queries[start : start + block] @ answers.T  # (rows, answers)
        first, last = np.searchsorted(owners, (start, start + len(scores)))
        for pair in range(first, last):  # what is before it is counted: to sort a row takes ten times as long
            row, answer = scores[owners[pair] - start], relevant[pair]
            better, equal = row > row[answer], row[:answer] == row[answer]
            places[pair] = np.count_nonzero(better) + np.count_nonzero(equal)
    return places


def _encode_pictures(
    pictures: Sequence[CaptionedPicture],
    encoder: Encoder,
    failures: list[tuple[str, str]],
    progress: ProgressCallback | None,
) -> tuple[list[CaptionedPicture], Vectors]:
    """Return the pictures that can be read and their vectors (n, d); the others go to `failures`."""
    kept: list[CaptionedPicture] = []
    vectors = [np.empty((0, encoder.dim), dtype=np.float32)]
    for batch in _batches(pictures, encoder.batch_size):
        readable, pixels = _read_batch(batch, encoder, failures)
        if readable:
            kept += readable
            vectors.append(encoder.encode_images(pixels))
        if progress:
            progress(Progress("encoding photos", len(kept) + len(failures), len(pictures)))
    return kept, np.concatenate(vectors)


def _read_batch(
    batch: Iterable[CaptionedPicture], encoder: Encoder, failures: list[tuple[str, str]]
) -> tuple[list[CaptionedPicture], Pixels]:
    """Return the pictures that can be read and their pixels (b, size, size, 3); the others go to `failures`."""
    readable: list[CaptionedPicture] = []
    pixels: list[NDArray[np.uint8]] = []
    for picture in batch:
        try:
            pixels.append(read_photo(picture.path, preprocess=encoder.preprocess).pixels)
            readable.append(picture)
        except PictureError as error:
            failures.append((str(picture.path), str(error)))
    size = encoder.preprocess.size
    return readable, np.stack(pixels) if pixels else np.empty((0, size, size, 3), dtype=np.uint8)


def _encode_captions(captions: Sequence[str], encoder: Encoder, progress: ProgressCallback | None) -> Vectors:
    """Return one vector per caption, shape (t, d)."""
    vectors: list[Vectors] = []
    for batch in _batches(captions, _CAPTIONS):
        vectors.append(encoder.encode_texts(list(batch)))
        if progress:
            progress(Progress("encoding captions", sum(map(len, vectors)), len(captions)))
    return np.concatenate(vectors)


def _batches(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
