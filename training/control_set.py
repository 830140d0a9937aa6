"""Make the control set that ships for `compact`: `python -m training.control_set --data ../shared/data`.

Of each class of the labelled sets the mean of its photos' embeddings is written, and what the class is called. Only
means of at least four photos ship, none of a single photo.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from indexer.encoders import load_encoder
from indexer.encoders.base import normalized
from indexer.errors import PictureError
from indexer.images import read_photo
from indexer.types import Vectors
from retrieval.calibration.background import write
from retrieval.evaluation.datasets import CaptionedPicture, read_captions
from retrieval.tuning.control_set import HERE, file_name

FEWEST_PHOTOS = 4

MOST_CLASSES = 700  # 384 numbers of two bytes each: 540 kB


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of captioned sets")
    data = parser.parse_args().data
    encoder = load_encoder("compact", device="cpu")
    classes = _classes(data)
    means: list[Vectors] = []
    captions: list[str] = []
    for caption, pictures in sorted(classes.items()):
        pixels = []
        for picture in pictures:
            try:
                pixels.append(read_photo(picture.path, preprocess=encoder.preprocess).pixels)
            except PictureError as error:
                sys.stderr.write(f"{picture.path} is left out: {error}\n")
        if len(pixels) >= FEWEST_PHOTOS:
            means.append(encoder.encode_images(np.stack(pixels)).mean(axis=0))
            captions.append(caption)
    write(HERE / file_name(encoder.fingerprint), normalized(np.stack(means)))
    (HERE / "classes.txt").write_text("".join(f"{caption}\n" for caption in captions), encoding="utf-8")
    sys.stdout.write(f"{len(captions)} classes\n")


def _classes(data: Path) -> dict[str, list[CaptionedPicture]]:
    """Return the pictures of each caption that enough have; evenly over them where there are too many classes.

    Flickr8k is left out: its captions are of single photos, and what the control set is compared with.
    """
    found: dict[str, list[CaptionedPicture]] = {}
    for table in sorted(data.glob("*/captions.csv")):
        if table.parent.name != "flickr8k":
            for picture in read_captions(table):
                found.setdefault(picture.captions[0], []).append(picture)
    names = sorted(name for name, pictures in found.items() if len(pictures) >= FEWEST_PHOTOS)
    kept = np.unique(np.linspace(0, len(names) - 1, min(MOST_CLASSES, len(names))).astype(np.int64))
    return {names[place]: found[names[place]] for place in kept.tolist()}


if __name__ == "__main__":
    main()
