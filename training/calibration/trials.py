"""Queries whose right answers are known, in libraries of several sizes, with the right ones in them and without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Modality, Vectors
from retrieval.calibration.probability import ModelKey
from training.calibration.datasets import Set

Marks = NDArray[np.bool_]

WORDS_TO_PHOTOS = ModelKey(has_image=False, kind=Modality.PHOTO)
WORDS_TO_TEXTS = ModelKey(has_image=False, kind=Modality.TEXT)
PHOTO_TO_PHOTOS = ModelKey(has_image=True, kind=Modality.PHOTO)
PHOTO_TO_TEXTS = ModelKey(has_image=True, kind=Modality.TEXT)

ALIKE = 0.6
"""A photo with a caption that has this cosine with the query may well be right too, and counts neither way."""

SIZES = (30, 150)

THINGS = {
    "a dog": "dogs?|pupp(y|ies)", "a man": "m[ae]n", "a woman": "wom[ae]n|lady", "a boy": "boys?", "a girl": "girls?",
    "a child": "child|children|kids?|toddler", "a beach": "beach", "snow": r"snow\w*", "water": "water",
    "a bicycle": "bikes?|bicycles?|cyclists?|biker", "a ball": "balls?", "a horse": "horses?", "a car": "cars?",
    "a mountain": "mountains?", "soccer": "soccer", "football": "football", "basketball": "basketball",
    "a skateboarder": r"skateboard\w*", "a surfer": r"surf\w*", "a swimming pool": "pool", "a street": "street",
    "a motorcycle": "motorcycles?|motorbikes?", "a swing": "swing(s|ing)?", "rock climbing": r"climb\w*",
    "a baby": "bab(y|ies)", "a crowd": "crowd", "a tent": "tents?", "a bench": "bench", "a frisbee": "frisbee",
    "a bird": "birds?", "tennis": "tennis", "baseball": "baseball", "skiing": r"ski\w*", "a boat": "boats?",
    "a hat": "hats?", "sunglasses": "sunglasses", "a lake": "lake", "the ocean": "ocean|sea|waves?",
    "a fountain": "fountain", "a slide": "slide", "a trampoline": "trampoline", "a black dog": "black dogs?",
    "a white dog": "white dogs?", "a train": "train", "jumping": r"jump\w*", "sand": "sand", "sunset": "sunset",
    "a helmet": "helmets?", "people dancing": r"danc\w*", "a guitar": "guitar", "a stick": "sticks?",
    "snowboarding": r"snowboard\w*",
}  # fmt: skip
"""Plain queries, and what captions say where a photo shows it: twice it is right, once it counts neither way."""


@dataclass(frozen=True, slots=True)
class Trials:
    """Queries and a library.

    Attributes:
        group: What the figures are reported under.
        key: Kind of query and kind of unit.
        queries: Unit vectors, shape (q, d).
        units: The library's units of the pair's kind, shape (n, d).
        photos: The library's photos, shape (p, d).
        right: Which units are right, shape (q, n).
        unknown: Which count neither way, shape (q, n).
    """

    group: str
    key: ModelKey
    queries: Vectors
    units: Vectors
    photos: Vectors
    right: Marks
    unknown: Marks


def captioned_trials(
    data: Set, half: int, things: Vectors, crowd: Vectors, rng: np.random.Generator
) -> Iterator[Trials]:
    """Yield trials of a set with several captions by people for each photo.

    Args:
        data: The set.
        half: Which half of its photos.
        things: The vectors of `THINGS`.
        crowd: Photos of other sets that make the library large, shape (c, d).
        rng: Chooses small libraries.
    """
    chosen = np.flatnonzero(data.halves == half)
    lines = np.isin(data.owners, chosen)
    owners, texts = np.searchsorted(chosen, data.owners[lines]), data.texts[data.said[lines]]  # (l,), (l, d)
    alike = texts @ texts.T > ALIKE  # (l, l)
    photos, mine = data.photos[chosen], owners[:, None] == np.arange(len(chosen))  # (p, d), (l, p)
    near = np.stack([alike[:, owners == photo].any(axis=1) for photo in range(len(chosen))], axis=1) & ~mine  # (l, p)
    whole = Trials("captions", WORDS_TO_PHOTOS, texts, photos, photos, mine, near)
    yield from _sizes(whole, rng)
    none = np.zeros((len(texts), len(crowd)), dtype=bool)
    yield Trials(
        "captions",
        WORDS_TO_PHOTOS,
        texts,
        np.concatenate([photos, crowd]),
        photos,
        np.hstack([mine, none]),
        np.hstack([near, none]),
    )
    first = np.unique(owners, return_index=True)[1]  # one caption of each photo asks, the others are the texts
    rest = np.setdiff1d(np.arange(len(owners)), first)
    blank = np.zeros((len(first), len(rest)), dtype=bool)
    own = owners[first][:, None] == owners[rest]
    yield from _sizes(Trials("captions", WORDS_TO_TEXTS, texts[first], texts[rest], photos, own, blank), rng)
    like = near[rest].T & ~own
    yield from _sizes(Trials("captions", PHOTO_TO_TEXTS, photos, texts[rest], photos, own, like), rng)
    said = [data.captions[place].lower() for place in data.said[lines]]
    counts = np.array(
        [
            np.bincount(owners, [bool(re.search(rf"\b({form})\b", text)) for text in said], len(chosen))
            for form in THINGS.values()
        ]
    )  # (things, p)
    yield from _sizes(Trials("things", WORDS_TO_PHOTOS, things, photos, photos, counts >= 2, counts == 1), rng)


def labelled_trials(data: Set, half: int, crowd: Vectors, rng: np.random.Generator) -> Iterator[Trials]:
    """Yield trials of a set whose captions are class names.

    Args:
        data: The set.
        half: Which half of its photos.
        crowd: Photos that show none of its classes and that `compact` was not trained on, shape (c, d).
        rng: Chooses small libraries.
    """
    for group, kept in (("unseen classes", data.unseen), ("whole classes", np.ones(len(data.labels), dtype=bool))):
        chosen = np.flatnonzero((data.halves == half) & kept)
        labels = data.labels[chosen]
        names = np.unique(labels)
        spoken = [data.said[data.owners == np.flatnonzero(data.labels == label)[0]][0] for label in names]
        numbers = np.concatenate([spoken, [np.flatnonzero(data.captions == label)[0] for label in names]])
        right = np.concatenate([names, names])[:, None] == labels  # (2 names, p)
        photos = data.photos[chosen]
        if group == "unseen classes":
            photos = np.concatenate([photos, crowd])
            right = np.pad(right, ((0, 0), (0, len(crowd))))
        yield from _sizes(
            Trials(group, WORDS_TO_PHOTOS, data.texts[numbers], photos, photos, right, np.zeros_like(right)), rng
        )
    asking = np.flatnonzero((data.halves == half) & data.unseen)
    answers = np.flatnonzero((data.halves == half) & ~data.unseen)
    right = data.labels[asking][:, None] == data.labels[answers]
    if len(asking) and len(answers) > 2 * SIZES[0]:
        photos = data.photos[answers]
        nothing = np.zeros_like(right)
        yield from _sizes(Trials("classes", PHOTO_TO_PHOTOS, data.photos[asking], photos, photos, right, nothing), rng)


def _sizes(trials: Trials, rng: np.random.Generator) -> Iterator[Trials]:
    """Yield the trials in the whole library and in parts of it, with the queries that still have a right answer."""
    full = np.arange(len(trials.units), dtype=np.int64)
    for size in (len(full), *SIZES):
        if size <= len(full):
            yield _part(trials, np.sort(rng.choice(full, size, replace=False)))


def _part(trials: Trials, kept: Ids) -> Trials:
    asked = trials.right[:, kept].any(axis=1)
    photos = trials.units[kept] if trials.key.kind is Modality.PHOTO else trials.photos
    return Trials(
        trials.group,
        trials.key,
        trials.queries[asked],
        trials.units[kept],
        photos,
        trials.right[asked][:, kept],
        trials.unknown[asked][:, kept],
    )
