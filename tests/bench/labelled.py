"""Labelled photos under the encoder that ships, encoded once: the library of the simulated users."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.encoders import load_encoder
from indexer.types import Vectors
from tests.bench.doors import prepared

SETS = (
    "pets37", "birds100", "flowers5", "food10", "sea_animals", "monkeys10", "furniture", "clothing", "caltech101",
    "corel900",
)  # fmt: skip
CACHE = Path(".work/users")
BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Photos with a label each.

    Attributes:
        photos: Their embeddings, shape (n, d), float32, unit length.
        labels: Their labels, "set/class", shape (n,).
        borders: Mean brightness of each photo's outermost pixels, 0 to 255, shape (n,).
    """

    photos: Vectors
    labels: NDArray[np.str_]
    borders: NDArray[np.float64]


def labelled(data: Path) -> Labelled:
    """Return the labelled sets of the data folder under `compact`, from the cache after the first time."""
    rows = [
        (data / name / "images" / row["image"], f"{name}/{row['label']}") for name in SETS for row in _rows(data / name)
    ]
    photos, borders = _encoded([path for path, _ in rows], "labelled")
    return Labelled(photos, np.array([label for _, label in rows]), borders)


def captioned(data: Path) -> tuple[Vectors, tuple[str, ...], NDArray[np.int64]]:
    """Return the photos of Flickr8k's dev part, their captions, and the photo of each caption."""
    rows = [row for row in _rows(data / "flickr8k") if row["split"] == "dev"]
    names = sorted({row["image"] for row in rows})
    place = {name: number for number, name in enumerate(names)}
    photos, _ = _encoded([data / "flickr8k" / "images" / name for name in names], "flickr8k")
    return photos, tuple(row["caption"] for row in rows), np.array([place[row["image"]] for row in rows])


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "captions.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _encoded(paths: list[Path], name: str) -> tuple[Vectors, NDArray[np.float64]]:
    """Return embeddings and border brightness of photos, kept under the encoder's fingerprint."""
    encoder = load_encoder("compact")
    file = CACHE / f"{name}-{encoder.fingerprint[:16]}-{len(paths)}.npz"
    if not file.exists():
        vectors, borders = [], []
        for start in range(0, len(paths), BATCH):
            pixels = prepared(paths[start : start + BATCH], encoder.preprocess, workers=2)
            vectors.append(encoder.encode_images(pixels))
            edge = np.concatenate([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], axis=1)
            borders.append(edge.mean(axis=(1, 2)))
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, vectors=np.concatenate(vectors), borders=np.concatenate(borders))
    with np.load(file) as held:
        return held["vectors"], held["borders"]
