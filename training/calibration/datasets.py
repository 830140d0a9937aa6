"""Captioned sets as vectors: encoded once, kept in a work folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.base import Encoder
from indexer.images import read_photo
from indexer.types import Ids, Vectors
from training.compact.data import Role, TrainingPhoto, hash_photos, read_set, roles

BATCH = 64


@dataclass(frozen=True, slots=True)
class Set:
    """One captioned set.

    Attributes:
        photos: Vectors, shape (n, d).
        labels: Class name of each photo, empty where people wrote captions, (n,).
        halves: 0 for fitting, 1 for measuring, by the hash of the file, (n,).
        unseen: Whether `compact` was not trained on the photo, (n,).
        captions: The different captions, and class names, (c,).
        texts: Their vectors, shape (c, d).
        owners: For each line of the table which photo it describes, (l,).
        said: And which caption it is, (l,).
    """

    photos: Vectors
    labels: NDArray[np.str_]
    halves: Ids
    unseen: NDArray[np.bool_]
    captions: NDArray[np.str_]
    texts: Vectors
    owners: Ids
    said: Ids


def load_set(folder: Path, encoder: Encoder, work: Path) -> Set:
    """Return a set of captioned photos under an encoder.

    Args:
        folder: Holds `captions.csv` and `images/`.
        encoder: Which gives the vectors.
        work: Where they are kept for the next time.
    """
    kept = work / f"{folder.name}-{encoder.fingerprint[:16]}.npz"
    if not kept.exists():
        work.mkdir(parents=True, exist_ok=True)
        np.savez(kept, allow_pickle=False, **_encoded(_chosen(read_set(folder)), encoder))
    with np.load(kept) as held:
        return Set(**{name: held[name] for name in held})


def _chosen(photos: list[TrainingPhoto]) -> list[TrainingPhoto]:
    """Return the dev part of a set that has one, and all of another."""
    return [photo for photo in photos if photo.split == "dev"] or photos


def _encoded(photos: list[TrainingPhoto], encoder: Encoder) -> dict[str, NDArray[Any]]:
    vectors = []
    for start in range(0, len(photos), BATCH):
        pixels = [
            read_photo(photo.path, preprocess=encoder.preprocess).pixels for photo in photos[start : start + BATCH]
        ]
        vectors.append(encoder.encode_images(np.stack(pixels)))
    lines = [(place, caption) for place, photo in enumerate(photos) for caption in photo.captions]
    captions = list(dict.fromkeys([caption for _, caption in lines] + [photo.label for photo in photos if photo.label]))
    number = {caption: place for place, caption in enumerate(captions)}
    held = (Role.DEV, Role.HELD)
    return {
        "photos": np.concatenate(vectors),
        "labels": np.array([photo.label for photo in photos]),
        "halves": np.array([hashlib.sha256(photo.path.read_bytes()).digest()[0] % 2 for photo in photos]),
        "unseen": np.array([role in held for role in roles(photos, hash_photos(photos))]),
        "captions": np.array(captions),
        "texts": np.concatenate([encoder.encode_texts(captions[at : at + 256]) for at in range(0, len(captions), 256)]),
        "owners": np.array([place for place, _ in lines]),
        "said": np.array([number[caption] for _, caption in lines]),
    }
