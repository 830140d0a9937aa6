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
from training.compact.progress_log import log_progress

Hashes = NDArray[np.uint64]

MAX_DISTANCE = 4  # bits of 64 between copies; from 5 on, simple pictures that are only similar at 9 x 8 are that near
HELD_OUT_ONE_IN = 16  # of the labelled photos, to check that the model has not specialised in one set


class Role(StrEnum):
    """What a photo is used for."""

    TRAIN = "train"
    DEV = "dev"  # the dev part of a captioned set, for choosing constants; never trained on
    HELD = "held"  # labelled photos that are held out of training
    DROPPED = "dropped"  # a training photo that is a near copy of a dev or held-out photo


@dataclass(frozen=True, slots=True)
class TrainingPhoto:
    """A photo with its captions.

    Attributes:
        path: The photo.
        set: Name of the set's folder.
        captions: What people wrote, or the one line made from the class name.
        label: Class name, empty if people wrote the captions.
        split: The set's own split, empty if it has none.
    """

    path: Path
    set: str
    captions: tuple[str, ...]
    label: str
    split: str

    @property
    def key(self) -> str:
        """The set and the name of the file, unique over all sets."""
        return f"{self.set}/{self.path.name}"


def read_set(folder: Path) -> list[TrainingPhoto]:
    """Return the photos of one set in the order of its captions.csv.

    Args:
        folder: Contains `captions.csv` (image,caption,label and optionally split) and `images/`.

    Raises:
        EvaluationError: The table has no columns image and caption.
    """
    table = folder / "captions.csv"
    rows: dict[str, list[dict[str, str]]] = {}
    with table.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        if not {"image", "caption"} <= set(reader.fieldnames or ()):
            raise EvaluationError(f"{table} has the columns {reader.fieldnames}; expected image, caption and label")
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
    """Return the photos of every set below a folder, sets in the order of their names.

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
    """Return 64 bits that hardly change when the picture is re-encoded or scaled.

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
        hashes = pool.map(hash_file, (photo.path for photo in photos), chunksize=64)
        return np.fromiter(log_progress(hashes, stage="hashes", total=len(photos)), dtype=np.uint64, count=len(photos))


def assign_roles(photos: Sequence[TrainingPhoto], hashes: Hashes) -> list[Role]:
    """Return the role of each photo; copies of one picture are never both trained on and measured on.

    A photo of a set with its own dev split keeps that. Whether a labelled photo is held out depends on its hash alone,
    so that the same picture in two sets has the same role. A near copy of a dev or held-out photo is not trained on.
    """
    first_roles = [_first_role(photo, int(code)) for photo, code in zip(photos, hashes, strict=True)]
    measured_hashes = hashes[[role is not Role.TRAIN for role in first_roles]]
    return [
        Role.DROPPED if role is Role.TRAIN and _is_near(code, measured_hashes) else role
        for role, code in zip(first_roles, hashes, strict=True)
    ]


def _first_role(photo: TrainingPhoto, code: int) -> Role:
    if photo.split == "dev":
        return Role.DEV
    bucket = (code * 0x9E3779B97F4A7C15 & (1 << 64) - 1) >> 32  # Fibonacci hashing: the bits of dHash are not uniform
    return Role.HELD if photo.label and bucket % HELD_OUT_ONE_IN == 0 else Role.TRAIN


def _is_near(code: np.uint64, hashes: Hashes) -> bool:
    return bool((np.bitwise_count(hashes ^ code) <= MAX_DISTANCE).any())
