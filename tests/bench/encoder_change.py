"""What mapped vectors lose against true ones: `python -m tests.bench.encoder_change [DATA]`.

The photos of Flickr8k's dev part are indexed with `compact` and mapped to two others: `compact+int8`, and one made for
the purpose that sees photos in grey and keeps 128 of the 384 numbers (`grey-128`), so that no linear map leads to it
exactly. Both are relatives of `compact`, since no other CLIP can be had without a network; encoders that were trained
apart agree less. The map is fitted as `recall encoder use` does, on so many photos of the train part. R@5 is the share
of the dev part's 5,000 captions whose photo is among the first five, asked under the encoder that the vectors are of.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder, to_unit_length
from indexer.images import Limits, read_pixels
from indexer.maintenance.reencode.linear_map import apply_map, fit_map
from indexer.types import Pixels, Vectors

DATA = Path("../shared/data")
SIZES = (200, 1000, 3000)
BATCH = 64


@dataclass(frozen=True, slots=True)
class Space:
    """What one encoder makes of the photos to fit on, shape (3000, d), the dev photos and the dev captions."""

    train: Vectors
    photos: Vectors
    captions: Vectors


def photos_and_captions(data: Path) -> tuple[list[Path], list[Path], list[tuple[int, str]]]:
    """Return photos to fit on, the dev photos, and the dev captions with the row of their photo."""
    names: dict[str, dict[str, None]] = {}
    rows: list[tuple[str, str]] = []
    with (data / "flickr8k" / "captions.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            names.setdefault(row["split"], {})[row["image"]] = None
            if row["split"] == "dev":
                rows.append((row["image"], row["caption"]))
    row_of = {name: number for number, name in enumerate(names["dev"])}
    images = data / "flickr8k" / "images"
    train = [images / name for name in list(names["train"])[: max(SIZES)]]
    return train, [images / name for name in names["dev"]], [(row_of[name], caption) for name, caption in rows]


def encoded(encoder: Encoder, paths: Sequence[Path], *, grey: bool) -> Vectors:
    """Return the vectors of photos, shape (n, d)."""
    parts = []
    for start in range(0, len(paths), BATCH):
        pixels: Pixels = np.stack(
            [read_pixels(path, preprocess=encoder.preprocess, limits=Limits()) for path in paths[start : start + BATCH]]
        )
        if grey:
            pixels = np.repeat(pixels.mean(axis=3, keepdims=True).astype(np.uint8), 3, axis=3)
        parts.append(encoder.encode_images(pixels))
    return np.concatenate(parts)


def recall(queries: Vectors, photos: Vectors, right: Sequence[int], *, at: int = 5) -> float:
    """Return the share of queries whose photo is among the first `at`."""
    scores = queries @ photos.T  # (q, n)
    own = scores[np.arange(len(right)), right][:, None]
    return float(np.mean((scores > own).sum(axis=1) < at))


def spaces(data: Path) -> tuple[dict[str, Space], list[int]]:
    """Return what each encoder makes of the photos and captions, and the row of each caption's photo."""
    train, dev, captions = photos_and_captions(data)
    texts = [caption for _, caption in captions]
    made: dict[str, Space] = {}
    for name, encoder_name in (("compact", "compact"), ("compact+int8", "compact+int8"), ("grey-128", "compact")):
        encoder, grey = load_encoder(encoder_name, device="cpu"), name == "grey-128"
        parts = [encoded(encoder, paths, grey=grey) for paths in (train, dev)] + [encoder.encode_texts(texts)]
        made[name] = Space(*(to_unit_length(part[:, :128]) if grey else part for part in parts))
        sys.stderr.write(f"encoded with {name}\n")
    return made, [row for row, _ in captions]


def main(data: Path) -> None:
    """Print a row for each pair of encoders and size of sample."""
    made, right = spaces(data)
    sys.stdout.write("| from | to | sample | cosine | 10 nearest kept | R@5 old | R@5 mapped | R@5 true |\n")
    sys.stdout.write("|---|---|--:|--:|--:|--:|--:|--:|\n")
    pairs = (("compact", "compact+int8"), ("compact", "grey-128"), ("grey-128", "compact"))
    for first, second in pairs:
        old, new = made[first], made[second]
        before, true = recall(old.captions, old.photos, right), recall(new.captions, new.photos, right)
        for size in SIZES:
            matrix, agreement = fit_map(old.train[:size], new.train[:size])
            between = recall(new.captions, apply_map(old.photos, matrix), right)
            sys.stdout.write(
                f"| {first} | {second} | {size:,} | {agreement.cosine:.3f} | {agreement.neighbours:.0%} | {before:.3f} "
                f"| {between:.3f} | {true:.3f} |\n"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
