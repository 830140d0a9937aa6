"""How well an encoder finds: sets of captioned pictures, and recall at k both ways.

The definitions follow Karpathy and Fei-Fei 2015 (section 4.2), which papers on Flickr8k and COCO report: text to image
counts every caption as one query, image to text counts a picture as found where any of its captions is among the k.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.base import Encoder
from indexer.errors import EvaluationError, PictureError
from indexer.images import read_photo
from indexer.types import Ids, Pixels, Progress, ProgressCallback, Vectors

T = TypeVar("T")

RANKS = (1, 5, 10)

_BLOCK = 1024  # queries scored at once: 1,024 x 100,000 pictures in float32 are 400 MB


@dataclass(frozen=True, slots=True)
class CaptionedPicture:
    """A picture of an evaluation set.

    Attributes:
        path: The file; it may be missing or damaged.
        captions: What is said about it, at least one.
    """

    path: Path
    captions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an encoder reached on a set.

    Attributes:
        text_to_image: Recall at 1, 5 and 10 as shares of the captions, 0 to 1.
        image_to_text: The same as shares of the pictures.
        images: Pictures that took part.
        captions: Captions that took part.
        encoder: The encoder's name.
        failures: File and reason of each picture that could not be read; its captions take no part either.
    """

    text_to_image: dict[int, float]
    image_to_text: dict[int, float]
    images: int
    captions: int
    encoder: str
    failures: tuple[tuple[Path, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what `recall evaluate --json` prints."""
        return {
            "text_to_image": {f"R@{k}": share for k, share in self.text_to_image.items()},
            "image_to_text": {f"R@{k}": share for k, share in self.image_to_text.items()},
            "images": self.images,
            "captions": self.captions,
            "encoder": self.encoder,
            "failed": len(self.failures),
        }


def read_captions(csv_path: Path, split: str | None = None) -> list[CaptionedPicture]:
    """Return the pictures of an evaluation set in the order of their first line.

    Args:
        csv_path: Table with the columns image and caption, and maybe split. A picture is looked for in `images/`
            beside the table, then by its path from the table.
        split: Where given, only lines whose column `split` says so.

    Raises:
        EvaluationError: There is no such table, it lacks a column, or no line is left.
    """
    captions: dict[str, list[str]] = {}
    for row in _read_rows(csv_path, needed=("image", "caption", "split") if split else ("image", "caption")):
        name, caption = (row["image"] or "").strip(), (row["caption"] or "").strip()
        if name and caption and (split is None or row["split"] == split):
            captions.setdefault(name, []).append(caption)
    if not captions:
        where = f" with split '{split}'" if split else ""
        raise EvaluationError(
            f"{csv_path} holds no caption{where}; expected lines with an image and a caption"
            + ("; check the name of the split, or leave --split out" if split else "; add some")
        )
    return [CaptionedPicture(_locate(csv_path.parent, name), tuple(group)) for name, group in captions.items()]


def _read_rows(csv_path: Path, needed: Sequence[str]) -> list[dict[str, str | None]]:
    try:
        with csv_path.open(newline="", encoding="utf-8-sig") as lines:  # Excel writes a byte order mark
            reader = csv.DictReader(lines)
            columns = [name for name in reader.fieldnames or () if name]
            missing = [name for name in needed if name not in columns]
            if missing:
                raise EvaluationError(
                    f"{csv_path} has the columns {', '.join(columns) or '(none)'} but not {', '.join(missing)}; "
                    f"expected {','.join(needed)} in its first line"
                )
            return list(reader)
    except FileNotFoundError:
        raise EvaluationError(
            f"there is no {csv_path}; expected a table with the columns image,caption and its pictures in images/ "
            "beside it; check the path"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(
            f"{csv_path} cannot be read: {error}; expected a CSV file in UTF-8 with the columns image,caption; "
            "check what the path leads to"
        ) from error


def _locate(folder: Path, name: str) -> Path:
    beside = folder / "images" / name
    return beside if beside.exists() or not (folder / name).exists() else folder / name


def recall_at_k(
    text_vectors: Vectors, image_vectors: Vectors, owners: Ids, ks: Sequence[int] = RANKS
) -> tuple[dict[int, float], dict[int, float]]:
    """Return recall at each k from text to image and from image to text, as shares 0 to 1.

    Equal scores are ordered by index, so an encoder that gives every input the same vector is not flattered.

    Args:
        text_vectors: Unit vectors of the captions, shape (t, d).
        image_vectors: Unit vectors of the pictures, shape (n, d); each has at least one caption.
        owners: Which picture each caption describes, shape (t,).
        ks: How many answers count.

    Raises:
        ValueError: There is nothing to rank, or `owners` does not fit the vectors.
    """
    if not len(text_vectors) or not len(image_vectors) or owners.shape != (len(text_vectors),):
        raise ValueError(f"{len(text_vectors)} texts, {len(image_vectors)} images and owners {owners.shape} do not fit")
    forward = _first_right(
        text_vectors, image_vectors, lambda rows: owners[rows, None] == np.arange(len(image_vectors))
    )
    backward = _first_right(image_vectors, text_vectors, lambda rows: owners == rows[:, None])
    return _shares(forward, ks), _shares(backward, ks)


def _first_right(queries: Vectors, answers: Vectors, right: Callable[[Ids], NDArray[np.bool_]]) -> Ids:
    """Return the place of each query's first right answer, 0 for the best, shape (q,).

    `right` gives for some query rows which answers are right, shape (rows, answers). The best right answer is the one
    of the highest score, then the smallest index; before it come all that beat it by the same order.
    """
    places = np.empty(len(queries), dtype=np.int64)
    for start in range(0, len(queries), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(queries)))
        scores = queries[rows] @ answers.T  # (rows, answers)
        best = np.where(right(rows), scores, -np.inf).argmax(axis=1)  # (rows,), the first of equals
        reached = scores[np.arange(len(rows)), best][:, None]  # (rows, 1)
        before = (scores > reached) | ((scores == reached) & (np.arange(len(answers)) < best[:, None]))
        places[rows] = before.sum(axis=1)
    return places


def _shares(places: Ids, ks: Iterable[int]) -> dict[int, float]:
    return {k: float((places < k).mean()) for k in ks}


def evaluate_captions(
    csv_path: Path, encoder: Encoder, *, split: str | None = None, progress: ProgressCallback | None = None
) -> Evaluation:
    """Return what the encoder reaches on a set of captioned pictures.

    Pictures that cannot be read are named in the result and left out with their captions. Memory holds one batch of
    pictures and all vectors.

    Args:
        csv_path: As for `read_captions`.
        encoder: Which gives the vectors.
        split: Part of the set, where its table has a column split.
        progress: Called after each batch.

    Raises:
        EvaluationError: The set cannot be used, or none of its pictures can be read.
    """
    found = read_captions(csv_path, split)
    failures: list[tuple[Path, str]] = []
    kept: list[CaptionedPicture] = []
    images: list[Vectors] = []
    report = progress or (lambda _: None)
    for batch in _batches(found, encoder.batch_size):
        readable, pixels = _read_batch(batch, encoder, failures)
        if readable:
            kept += readable
            images.append(encoder.encode_images(pixels))
        report(Progress("evaluating", len(kept) + len(failures), len(found)))
    if not kept:
        path, reason = failures[0]
        raise EvaluationError(
            f"none of the {len(found)} pictures of {csv_path} can be read, first {path}: {reason}; "
            "expected them in images/ beside the table"
        )
    forward, backward = recall_at_k(
        np.concatenate(list(_encode_captions(kept, encoder))), np.concatenate(images), _owners(kept)
    )
    return Evaluation(
        text_to_image=forward,
        image_to_text=backward,
        images=len(kept),
        captions=sum(len(picture.captions) for picture in kept),
        encoder=encoder.name,
        failures=tuple(failures),
    )


def _read_batch(
    batch: Iterable[CaptionedPicture], encoder: Encoder, failures: list[tuple[Path, str]]
) -> tuple[list[CaptionedPicture], Pixels]:
    """Return the pictures that can be read and their pixels (b, size, size, 3); the others go to `failures`."""
    readable: list[CaptionedPicture] = []
    pixels: list[NDArray[np.uint8]] = []
    for picture in batch:
        try:
            pixels.append(read_photo(picture.path, preprocess=encoder.preprocess).pixels)
            readable.append(picture)
        except PictureError as error:
            failures.append((picture.path, str(error)))
    size = encoder.preprocess.size
    return readable, np.stack(pixels) if pixels else np.empty((0, size, size, 3), dtype=np.uint8)


def _encode_captions(pictures: Sequence[CaptionedPicture], encoder: Encoder) -> Iterator[Vectors]:
    captions = [caption for picture in pictures for caption in picture.captions]
    for batch in _batches(captions, 256):
        yield encoder.encode_texts(list(batch))


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _owners(pictures: Sequence[CaptionedPicture]) -> Ids:
    counts = [len(picture.captions) for picture in pictures]
    return np.repeat(np.arange(len(pictures), dtype=np.int64), counts)
