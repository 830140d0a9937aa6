"""Captioned photo sets: reading them, hashing their pictures, and splitting them by hash."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.errors import EvaluationError
from training.compact.progress import logged

Hashes = NDArray[np.uint64]

NEAR = 4  # bits of 64: below it are re-encoded pictures, from 5 on simple ones that only look alike in 9 x 8
HELD_OUT_ONE_IN = 16  # of the labelled photos, for the check that the model has not narrowed to one set


class Role(StrEnum):
    """What a photo is used for."""

    TRAIN = "train"
    DEV = "dev"  # the captioned set's own dev part: for choosing, never trained on
    HELD = "held"  # labelled photos kept out of training
    DROPPED = "dropped"  # it would be trained on, but is nearly the same as a photo of dev or held


@dataclass(frozen=True, slots=True)
class TrainingPhoto:
    """One picture and what is said about it.

    Attributes:
        path: The picture.
        set: Name of the set's folder.
        captions: What people wrote, or the one line made from the class name.
        label: Class name, empty where people wrote captions.
        split: The set's own split, empty where it has none.
    """

    path: Path
    set: str
    captions: tuple[str, ...]
    label: str
    split: str

    @property
    def key(self) -> str:
        """The set and the file's name, unique over all sets."""
        return f"{self.set}/{self.path.name}"


def read_set(folder: Path) -> list[TrainingPhoto]:
    """Return the photos of one set in the order of its captions.csv.

    Args:
        folder: Holds `captions.csv` (image,caption,label and maybe split) and `images/`.

    Raises:
        EvaluationError: The table has no columns image and caption.
    """
    table = folder / "captions.csv"
    rows: dict[str, list[dict[str, str]]] = {}
    with table.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        if not {"image", "caption"} <= set(reader.fieldnames or ()):
            raise EvaluationError(f"{table} has the columns {reader.fieldnames}; it needs image,caption,label")
        for row in reader:
            rows.setdefault(row["image"], []).append(row)
    return [
        TrainingPhoto(
            path=folder / "images" / name,
            set=folder.name,
            captions=tuple(row["caption"].strip() for row in group),
            label=group[0].get("label") or "",
            split=group[0].get("split") or "",
        )
        for name, group in rows.items()
    ]


def read_sets(data: Path) -> list[TrainingPhoto]:
    """Return the photos of every set below `data`, sets in the order of their names.

    Args:
        data: Folder of sets.

    Raises:
        EvaluationError: There is no set in the folder.
    """
    folders = sorted(table.parent for table in data.glob("*/captions.csv"))
    photos = [photo for folder in folders for photo in read_set(folder)]
    if not photos:
        raise EvaluationError(f"{data} holds no captioned set; expected folders with captions.csv and images/")
    return photos


def difference_hash(picture: Image.Image) -> int:
    """Return 64 bits that re-encoding and scaling leave nearly unchanged.

    Each bit says whether a cell of the grey 9 x 8 picture is darker than its right neighbour (dHash).
    """
    grey = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)  # (8, 9)
    bits = (grey[:, 1:] > grey[:, :-1]).reshape(-1)  # (64,)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def hash_file(path: Path) -> int:
    """Return the difference hash of the picture in a file."""
    with Image.open(path) as picture:
        return difference_hash(picture)


def hash_photos(photos: Sequence[TrainingPhoto], *, threads: int = 2) -> Hashes:
    """Return one difference hash per photo, shape (n,), uint64."""
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(hash_file, (photo.path for photo in photos), chunksize=64)
        return np.fromiter(logged(found, stage="hashes", total=len(photos)), dtype=np.uint64, count=len(photos))


def roles(photos: Sequence[TrainingPhoto], hashes: Hashes) -> list[Role]:
    """Return what each photo is used for; one picture never stands on both sides.

    A photo of a set with its own dev split keeps it. A labelled photo is held out where its hash says so, so the
    same picture in two sets goes the same way. What is nearly the same as a dev or held photo is not trained on.
    """
    first = [_role(photo, int(code)) for photo, code in zip(photos, hashes, strict=True)]
    guarded = hashes[[role is not Role.TRAIN for role in first]]
    return [
        Role.DROPPED if role is Role.TRAIN and _is_near(code, guarded) else role
        for role, code in zip(first, hashes, strict=True)
    ]


def _role(photo: TrainingPhoto, code: int) -> Role:
    if photo.split == "dev":
        return Role.DEV
    mixed = (code * 0x9E3779B97F4A7C15 & (1 << 64) - 1) >> 32  # Fibonacci hashing: dHash bits are not uniform
    return Role.HELD if photo.label and mixed % HELD_OUT_ONE_IN == 0 else Role.TRAIN


def _is_near(code: np.uint64, others: Hashes) -> bool:
    return bool((np.bitwise_count(others ^ code) <= NEAR).any())
