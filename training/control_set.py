"""Build the control set that ships for `compact`: `python -m training.control_set --data ../shared/data`.

For each class of the labelled sets it writes the mean embedding of the class's photos, and the name of the class. A
mean is of at least four photos; the embedding of a single photo never ships.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder, to_unit_length
from indexer.errors import PictureError
from indexer.images import read_photo
from indexer.types import Vectors
from retrieval.calibration.background import write_vectors
from retrieval.evaluation.datasets import CaptionedPicture, read_captions
from retrieval.tuning.control_set.control_set import HERE, file_name

MIN_PHOTOS = 4
"""Photos of a class, at least."""

MAX_CLASSES = 700
"""384 numbers of two bytes for each: 540 kB."""


def main(arguments: list[str] | None = None) -> int:
    """Write the embeddings and the names of the classes into the package."""
    parser = argparse.ArgumentParser(
        prog="python -m training.control_set", description="Build the control set that ships for the compact encoder."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of captioned sets")
    data = parser.parse_args(arguments).data
    encoder = load_encoder("compact", device="cpu")
    means = {
        name: mean
        for name, photos in sorted(_photos_by_class(data).items())
        if (mean := _class_mean(photos, encoder)) is not None
    }
    write_vectors(HERE / file_name(encoder.fingerprint), to_unit_length(np.stack(list(means.values()))))
    (HERE / "classes.txt").write_text("".join(f"{name}\n" for name in means), encoding="utf-8")
    sys.stdout.write(f"{len(means)} classes\n")
    return 0


def _class_mean(photos: list[CaptionedPicture], encoder: Encoder) -> Vectors | None:
    """Return the mean embedding of photos, shape (d,), or None if fewer than `MIN_PHOTOS` can be read."""
    pixels = []
    for photo in photos:
        try:
            pixels.append(read_photo(photo.path, preprocess=encoder.preprocess).pixels)
        except PictureError as error:
            sys.stderr.write(f"{photo.path} is left out: {error}\n")
    if len(pixels) < MIN_PHOTOS:
        return None
    mean: Vectors = encoder.encode_images(np.stack(pixels)).mean(axis=0)
    return mean


def _photos_by_class(data: Path) -> dict[str, list[CaptionedPicture]]:
    """Return the photos of each class with at least `MIN_PHOTOS`; of too many classes, an even selection.

    Flickr8k is left out: its captions describe single photos, and the control set is compared with it.
    """
    photos: dict[str, list[CaptionedPicture]] = {}
    for table in sorted(data.glob("*/captions.csv")):
        if table.parent.name != "flickr8k":
            for picture in read_captions(table):
                photos.setdefault(picture.captions[0], []).append(picture)
    names = sorted(name for name, pictures in photos.items() if len(pictures) >= MIN_PHOTOS)
    rows = np.unique(np.linspace(0, len(names) - 1, min(MAX_CLASSES, len(names))).astype(np.int64))
    return {names[row]: photos[names[row]] for row in rows.tolist()}


if __name__ == "__main__":
    sys.exit(main())
