"""Simulated users of one library, who mean something that the encoder does not know."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.base import Encoder
from indexer.errors import PictureError
from indexer.images import read_photo
from indexer.types import Ids, Vectors
from retrieval.evaluation.datasets import CaptionedPicture, read_captions
from retrieval.tuning.training_set import TrainingSet
from tests.bench.styles import STYLES, has_style, photo_tones

WRONG = 0.1
SHOWN = 10
CACHE = Path(".work/users")

DOMAINS = {
    "flowers5": ("flower", "blossom", "plant", "bloom"),
    "food10": ("meal", "dish", "plate of food", "snack"),
    "furniture": ("piece of furniture", "thing for the living room", "furnishing", "household object"),
    "sea_animals": ("sea animal", "creature of the ocean", "animal in the water", "marine creature"),
    "clothing": ("piece of clothing", "garment", "thing to wear", "outfit"),
    "monkeys10": ("monkey", "ape", "primate", "animal in a tree"),
    "pets37": ("pet", "furry friend", "cat or dog", "animal at home"),
    "birds100": ("bird", "feathered animal", "animal with wings", "songbird"),
}
"""Sets, and general words for everything in them."""

GENERAL_PHRASES = (
    "a {}", "a photo of a {}", "my {}", "a close-up of a {}", "a {} outside", "the most beautiful {}",
    "a {} in daylight", "a picture of some {}", "one {}", "a {} in front of a plain background",
)  # fmt: skip
CLASS_PHRASES = (
    "{}", "a photo of a {}", "a picture showing {}", "{} seen from close", "my own {}", "the {} again",
)  # fmt: skip

KINDS = ("class", "taste", "breed", "style")


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """Embedded photos with their sets, labels and tones (see `tests.bench.styles`)."""

    vectors: Vectors
    sets: NDArray[np.str_]
    labels: NDArray[np.str_]
    tones: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class User:
    """A simulated user.

    Attributes:
        name: The user's name.
        kind: One of `KINDS`.
        queries: What the user asks.
        relevant: Which photos of the library answer each query, shape (q, n).
    """

    name: str
    kind: str
    queries: tuple[str, ...]
    relevant: NDArray[np.bool_]


def embed_set(
    data: Path, name: str, encoder: Encoder, *, split: str | None = None
) -> tuple[Vectors, list[CaptionedPicture]]:
    """Return the embeddings of a set, from the cache if they are there, and its pictures."""
    pictures = read_captions(data / name / "captions.csv", split)
    file = CACHE / f"{name}-{encoder.fingerprint[:16]}.npy"
    if not file.is_file():
        rows = []
        for picture in pictures:
            try:
                pixels = read_photo(picture.path, preprocess=encoder.preprocess).pixels
                rows.append(encoder.encode_images(pixels[None])[0])
            except PictureError:
                rows.append(np.zeros(encoder.dim, dtype=np.float32))
        CACHE.mkdir(parents=True, exist_ok=True)
        np.save(file, np.stack(rows))
    return np.load(file), pictures


def load_library(data: Path, encoder: Encoder) -> Photos:
    """Return one library of all labelled sets that are used."""
    vectors, sets, labels, paths = [], [], [], []
    for name in (*DOMAINS, "caltech101", "corel900"):
        rows, pictures = embed_set(data, name, encoder)
        vectors.append(rows)
        sets += [name] * len(pictures)
        labels += [picture.path.stem.rpartition("_")[0] for picture in pictures]
        paths += [picture.path for picture in pictures]
    return Photos(np.concatenate(vectors), np.array(sets), np.array(labels), photo_tones(paths))


def make_users(photos: Photos, domains: Sequence[str], seed: int) -> list[User]:
    """Return a user of each kind for each domain, with random meanings."""
    random = np.random.default_rng(seed)
    users = []
    for name in domains:
        in_domain = photos.sets == name
        labels, counts = np.unique(photos.labels[in_domain], return_counts=True)
        meaning = random.choice(labels[counts >= np.quantile(counts, 0.5)])
        general = tuple(phrase.format(word) for phrase, word in itertools.product(GENERAL_PHRASES, DOMAINS[name]))
        is_meant = in_domain & (photos.labels == meaning)
        users.append(User(f"{name}: {meaning}", "class", general, np.tile(is_meant, (len(general), 1))))
        is_liked = in_domain & np.isin(photos.labels, random.permutation(labels)[: max(1, round(len(labels) / 3))])
        users.append(User(f"{name}: a third", "taste", general, np.tile(is_liked, (len(general), 1))))
        pairs = list(itertools.product(CLASS_PHRASES, random.permutation(labels)[:20]))
        by_name = tuple(phrase.format(label.replace("_", " ")) for phrase, label in pairs)
        relevant = np.stack([in_domain & (photos.labels == label) for _, label in pairs])
        users.append(User(f"{name}: all", "breed", by_name, relevant))
        style = STYLES[(seed + domains.index(name)) % len(STYLES)]
        rows = np.flatnonzero(in_domain)[has_style(style, photos.tones[in_domain])]
        is_styled = np.isin(np.arange(len(in_domain)), rows)
        users.append(User(f"{name}: {style}", "style", general, np.tile(is_styled, (len(general), 1))))
    return users


def judge(
    user: User, texts: Vectors, photos: Photos, judgements: int, seed: int, *, shuffled: bool = False
) -> tuple[TrainingSet, Ids]:
    """Return what a user judged, and the rows of the queries that were never judged."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(user.queries))
    queries = order[: min(judgements // SHOWN, len(order) * 3 // 4)]
    shown = np.argsort(-(texts[queries] @ photos.vectors.T), axis=1)[:, :SHOWN]
    good = np.take_along_axis(user.relevant[queries], shown, axis=1)
    good = (good ^ (random.random(good.shape) < WRONG)).ravel()
    unjudged = random.permutation(np.setdiff1d(np.arange(len(photos.vectors)), shown))[:5000]
    return TrainingSet(
        names=tuple(user.queries[row] for row in queries),
        texts=texts[queries],
        images=np.zeros_like(texts[queries]),
        owners=np.repeat(np.arange(len(queries)), SHOWN),
        units=photos.vectors[shown.ravel()],
        are_photos=np.ones(shown.size, dtype=np.bool_),
        good=random.permutation(good) if shuffled else good,
        unjudged=photos.vectors[unjudged],
        unjudged_are_photos=np.ones(len(unjudged), dtype=np.bool_),
    ), order[len(queries) :]
