"""Captioned sets as embeddings, which are cached in a work folder."""

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
from training.compact.photo_sets import Role, TrainingPhoto, assign_roles, hash_photos, read_set

PHOTO_BATCH = 64
TEXT_BATCH = 256


@dataclass(frozen=True, slots=True)
class EmbeddedSet:
    """A captioned set under an encoder.

    Attributes:
        photos: Embeddings of the photos, shape (n, d).
        labels: Class name of each photo, empty if people wrote its captions, shape (n,).
        halves: 0 for fitting, 1 for measuring, by the hash of the file, shape (n,).
        unseen: Whether `compact` was not trained on the photo, shape (n,).
        captions: The different captions and class names, shape (c,).
        texts: Their embeddings, shape (c, d).
        owners: The photo that each line of the table describes, shape (l,).
        line_captions: The caption of each line, shape (l,).
    """

    photos: Vectors
    labels: NDArray[np.str_]
    halves: Ids
    unseen: NDArray[np.bool_]
    captions: NDArray[np.str_]
    texts: Vectors
    owners: Ids
    line_captions: Ids


def load_set(folder: Path, encoder: Encoder, work: Path) -> EmbeddedSet:
    """Return a set of captioned photos under an encoder.

    Args:
        folder: Contains `captions.csv` and `images/`.
        encoder: Embeds photos and captions.
        work: Folder in which the embeddings are cached.
    """
    file = work / f"embedded-{folder.name}-{encoder.fingerprint[:16]}.npz"
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        np.savez(file, allow_pickle=False, **_embed(_select(read_set(folder)), encoder))
    with np.load(file) as arrays:
        return EmbeddedSet(**{name: arrays[name] for name in arrays})


def _select(photos: list[TrainingPhoto]) -> list[TrainingPhoto]:
    """Return the dev part of a set if it has one, otherwise the whole set."""
    return [photo for photo in photos if photo.split == "dev"] or photos


def _embed(photos: list[TrainingPhoto], encoder: Encoder) -> dict[str, NDArray[Any]]:
    """Return the arrays of `EmbeddedSet`."""
    vectors = []
    for start in range(0, len(photos), PHOTO_BATCH):
        batch = photos[start : start + PHOTO_BATCH]
        pixels = [read_photo(photo.path, preprocess=encoder.preprocess).pixels for photo in batch]
        vectors.append(encoder.encode_images(np.stack(pixels)))
    lines = [(row, caption) for row, photo in enumerate(photos) for caption in photo.captions]
    captions = list(dict.fromkeys([caption for _, caption in lines] + [photo.label for photo in photos if photo.label]))
    numbers = {caption: number for number, caption in enumerate(captions)}
    starts = range(0, len(captions), TEXT_BATCH)
    unseen_roles = (Role.DEV, Role.HELD)
    return {
        "photos": np.concatenate(vectors),
        "labels": np.array([photo.label for photo in photos]),
        "halves": np.array([hashlib.sha256(photo.path.read_bytes()).digest()[0] % 2 for photo in photos]),
        "unseen": np.array([role in unseen_roles for role in assign_roles(photos, hash_photos(photos))]),
        "captions": np.array(captions),
        "texts": np.concatenate([encoder.encode_texts(captions[start : start + TEXT_BATCH]) for start in starts]),
        "owners": np.array([row for row, _ in lines]),
        "line_captions": np.array([numbers[caption] for _, caption in lines]),
    }
