"""Photos of many things for the bench of private words, encoded once: alone, and before scenes."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from indexer.encoders.base import Encoder
from indexer.images import read_pixels
from indexer.types import Pixels, Vectors

SCENES = ("buildings", "forest", "glacier", "mountain", "sea", "street")
PER_CLASS = 10
"""Photos of each class that are put before scenes, at most."""

SIDE = 224
SHARE = 0.6
"""Of a scene's side that the longer side of the photo before it takes."""


@dataclass(frozen=True, slots=True)
class Material:
    """Pictures of a set.

    Attributes:
        vectors: Embeddings, shape (n, d).
        labels: Class of each.
        sources: Number of the photo that each shows: the composites of one photo share it.
        scenes: Scene of each, "" where there is none.
        captions: What the set says of each class.
    """

    vectors: Vectors
    labels: list[str]
    sources: list[int]
    scenes: list[str]
    captions: dict[str, str]


def read(folder: Path) -> list[tuple[Path, str, str]]:
    """Return the pictures of a set with label and caption."""
    with (folder / "captions.csv").open(newline="", encoding="utf-8") as lines:
        return [(folder / "images" / row["image"], row["label"], row["caption"]) for row in csv.DictReader(lines)]


def alone(folder: Path, encoder: Encoder, cache: Path) -> Material:
    """Return the photos of a set."""
    rows = read(folder)
    vectors = _encoded(
        cache / f"{folder.name}.npy",
        encoder,
        len(rows),
        lambda at: read_pixels(rows[at][0], preprocess=encoder.preprocess),
    )
    return Material(
        vectors, [row[1] for row in rows], list(range(len(rows))), [""] * len(rows), {row[1]: row[2] for row in rows}
    )


def before_scenes(folder: Path, scenes: Path, encoder: Encoder, cache: Path) -> Material:
    """Return photos of a set, each pasted before one photo of every scene."""
    behind = {scene: [path for path, label, _ in read(scenes) if label == scene] for scene in SCENES}
    rows, counts = read(folder), dict[str, int]()
    jobs: list[tuple[int, str]] = []
    for number, (_, label, _) in enumerate(rows):
        counts[label] = counts.get(label, 0) + 1
        if counts[label] <= PER_CLASS:
            jobs += [(number, scene) for scene in SCENES]

    def pixels(at: int) -> Pixels:
        number, scene = jobs[at]
        choice = behind[scene][(at * 7) % len(behind[scene])]
        return read_pixels(_pasted(rows[number][0], choice), preprocess=encoder.preprocess)

    vectors = _encoded(cache / f"{folder.name}-scenes.npy", encoder, len(jobs), pixels)
    labels = [rows[number][1] for number, _ in jobs]
    captions = {row[1]: row[2] for row in rows}
    return Material(vectors, labels, [number for number, _ in jobs], [scene for _, scene in jobs], captions)


def _pasted(front: Path, behind: Path) -> Image.Image:
    """Return a photo in the middle below of a scene."""
    with Image.open(behind) as scene, Image.open(front) as photo:
        whole = scene.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        small = photo.convert("RGB")
        small.thumbnail((int(SIDE * SHARE), int(SIDE * SHARE)))
        whole.paste(small, ((SIDE - small.width) // 2, SIDE - small.height))
        return whole


def _encoded(file: Path, encoder: Encoder, count: int, pixels: Callable[[int], Pixels]) -> Vectors:
    """Return embeddings, kept in a file, shape (n, d)."""
    if file.exists():
        held: Vectors = np.load(file)
        return held
    parts = []
    for start in range(0, count, 64):
        batch = np.stack([pixels(at) for at in range(start, min(start + 64, count))])
        parts.append(encoder.encode_images(batch))
    vectors: Vectors = np.concatenate(parts)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, vectors)
    return vectors
