"""Retrieval quality of an encoder on captioned pictures, from text to image and back.

The definitions are those of Karpathy and Fei-Fei 2015 (section 4.2), which papers on Flickr8k and COCO use: for text to
image every caption is one query; for image to text a picture is found if any of its captions is among the k. A caption
that several pictures have is one query, which any of them answers: an encoder cannot tell equal texts apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.base import Encoder
from indexer.errors import EvaluationError, PictureError
from indexer.images import read_photo
from indexer.types import Ids, Pixels, Progress, ProgressCallback, Vectors
from retrieval.evaluation.datasets import CaptionedPicture, normal_text, read_captions
from retrieval.evaluation.metrics import RelevantRanks
from retrieval.evaluation.result import Evaluation, measure

T = TypeVar("T")

_MAX_SCORES = 2**24  # in memory at once: 64 MB

_CAPTION_BATCH = 256


def evaluate_captions(
    csv_path: Path,
    encoder: Encoder,
    *,
    split: str | None = None,
    calibration: bool = False,
    progress: ProgressCallback | None = None,
) -> Evaluation:
    """Return how well an encoder retrieves pictures by their captions, and captions by their pictures.

    Pictures that cannot be read are left out with their captions and named in the result. One batch of pictures and all
    vectors are in memory.

    Args:
        csv_path: As for `read_captions`.
        encoder: The encoder to evaluate.
        split: Only the rows with this value in the column split.
        calibration: Whether to also measure the match probabilities, see `calibration_report`. Only a caption's own
            pictures count as right, though it may describe others too.
        progress: Called after each batch.

    Raises:
        EvaluationError: The set cannot be used, none of its pictures can be read, or the encoder is not calibrated.
    """
    if calibration:
        _require_calibrated(encoder)
    pictures = read_captions(csv_path, split)
    failures: list[tuple[str, str]] = []
    readable, images = encode_pictures(pictures, encoder, failures, progress)
    if not readable:
        path, reason = failures[0]
        raise EvaluationError(
            f"no picture of {csv_path} can be read ({len(pictures)} tried), first {path}: {reason}; "
            "expected them in the folder images/ next to the table"
        )
    captions, pairs = _distinct_captions(readable)
    texts = encode_captions(captions, encoder, progress)
    forward, backward = _rank_pairs(texts, images, pairs)
    firsts = pairs[np.unique(pairs[:, 0], return_index=True)[1], 1]  # first picture of each caption, (t,)
    clusters = np.unique(firsts, return_inverse=True)[1]  # without gaps
    return Evaluation(
        system=encoder.name,
        directions={
            "text_to_image": measure(forward, clusters, progress),
            "image_to_text": measure(backward, np.arange(len(readable)), progress),
        },
        about={
            "images": len(readable),
            "captions": len(texts),
            "encoder": encoder.name,
        },
        failures=tuple(failures),
        calibration=_calibration(captions, texts, images, pairs) if calibration else None,
    )


def _distinct_captions(pictures: Sequence[CaptionedPicture]) -> tuple[list[str], Ids]:
    """Return the captions without repetition, and the pairs of caption and picture, shape (p, 2), ascending.

    Captions that differ only in case, spaces or Unicode form are equal; the first one is encoded.
    """
    captions: list[str] = []
    numbers: dict[str, int] = {}
    pairs: set[tuple[int, int]] = set()
    for picture, content in enumerate(pictures):
        for caption in content.captions:
            key = normal_text(caption)
            if key not in numbers:
                numbers[key] = len(captions)
                captions.append(caption)
            pairs.add((numbers[key], picture))
    return captions, np.array(sorted(pairs), dtype=np.int64)


def _require_calibrated(encoder: Encoder) -> None:
    from retrieval.evaluation.calibration import require_calibrated  # late: it loads the database library

    require_calibrated(encoder)


def _calibration(captions: Sequence[str], texts: Vectors, images: Vectors, pairs: Ids) -> dict[str, Any]:
    from retrieval.evaluation.calibration import calibration_report  # late, as above

    shares = [np.zeros(len(images)) for _ in captions]
    for caption, picture in pairs.tolist():
        shares[caption][picture] = 1.0
    return calibration_report(captions, texts, images, shares)


def rank_both_ways(texts: Vectors, images: Vectors, owners: Ids) -> tuple[RelevantRanks, RelevantRanks]:
    """Return the rank of its picture for each caption, and the ranks of its captions for each picture.

    Args:
        texts: Unit vectors of the captions, shape (t, d).
        images: Unit vectors of the pictures, shape (n, d); each has at least one caption.
        owners: Picture that each caption describes, ascending, shape (t,).

    Raises:
        ValueError: There are no texts or images, or `owners` has another length than `texts`.
    """
    if not len(texts) or not len(images) or owners.shape != (len(texts),):
        raise ValueError(f"{len(texts)} texts, {len(images)} images and owners {owners.shape} do not fit")
    return _rank_pairs(texts, images, np.stack([np.arange(len(texts)), owners], axis=1))


def _rank_pairs(texts: Vectors, images: Vectors, pairs: Ids) -> tuple[RelevantRanks, RelevantRanks]:
    """Return the ranks of its pictures for each caption, and of its captions for each picture.

    Args:
        texts: Unit vectors of the captions, shape (t, d); each describes at least one picture.
        images: Unit vectors of the pictures, shape (n, d); each has at least one caption.
        pairs: Each caption with a picture that it describes, shape (p, 2), ascending.
    """
    grades = np.ones(len(pairs), dtype=np.int64)
    backward = pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]  # ascending by picture
    return (
        RelevantRanks(len(texts), pairs[:, 0], _ranks(texts, images, pairs[:, 0], pairs[:, 1]), grades),
        RelevantRanks(len(images), backward[:, 1], _ranks(images, texts, backward[:, 1], backward[:, 0]), grades),
    )


def _ranks(queries: Vectors, answers: Vectors, owners: Ids, relevant: Ids) -> Ids:
    """Return the rank of each relevant answer among all answers to its query, 0 for the best, shape (p,).

    Equal scores are ordered by index, so an encoder that gives every input the same vector gains nothing.
    """
    ranks = np.empty(len(owners), dtype=np.int64)
    block = max(1, _MAX_SCORES // len(answers))
    for start in range(0, len(queries), block):
        scores = queries[start : start + block] @ answers.T  # (rows, answers)
        first, last = np.searchsorted(owners, (start, start + len(scores)))
        for pair in range(first, last):  # counting the better answers takes a tenth of the time of sorting
            row, answer = scores[owners[pair] - start], relevant[pair]
            better, equal = row > row[answer], row[:answer] == row[answer]
            ranks[pair] = np.count_nonzero(better) + np.count_nonzero(equal)
    return ranks


def encode_pictures(
    pictures: Sequence[CaptionedPicture],
    encoder: Encoder,
    failures: list[tuple[str, str]],
    progress: ProgressCallback | None,
) -> tuple[list[CaptionedPicture], Vectors]:
    """Return the readable pictures and their vectors (n, d); the others are added to `failures`."""
    readable: list[CaptionedPicture] = []
    vectors = [np.empty((0, encoder.dim), dtype=np.float32)]
    for batch in _batches(pictures, encoder.batch_size):
        decoded, pixels = _read_batch(batch, encoder, failures)
        if decoded:
            readable += decoded
            vectors.append(encoder.encode_images(pixels))
        if progress:
            progress(Progress("encoding photos", len(readable) + len(failures), len(pictures)))
    return readable, np.concatenate(vectors)


def _read_batch(
    batch: Iterable[CaptionedPicture], encoder: Encoder, failures: list[tuple[str, str]]
) -> tuple[list[CaptionedPicture], Pixels]:
    """Return the readable pictures and their pixels (b, size, size, 3); the others are added to `failures`."""
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


def encode_captions(captions: Sequence[str], encoder: Encoder, progress: ProgressCallback | None) -> Vectors:
    """Return one vector per caption, shape (t, d)."""
    vectors: list[Vectors] = []
    for batch in _batches(captions, _CAPTION_BATCH):
        vectors.append(encoder.encode_texts(list(batch)))
        if progress:
            progress(Progress("encoding captions", sum(map(len, vectors)), len(captions)))
    return np.concatenate(vectors)


def _batches(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
