"""Queries with known right answers, in libraries of several sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Modality, Vectors
from retrieval.calibration.probability import ModelKey
from training.calibration.embedded_sets import EmbeddedSet

Mask = NDArray[np.bool_]

WORDS_TO_PHOTOS = ModelKey(has_image=False, kind=Modality.PHOTO)
WORDS_TO_TEXTS = ModelKey(has_image=False, kind=Modality.TEXT)
PHOTO_TO_PHOTOS = ModelKey(has_image=True, kind=Modality.PHOTO)
PHOTO_TO_TEXTS = ModelKey(has_image=True, kind=Modality.TEXT)

SIMILAR = 0.6
"""A photo with a caption that has at least this cosine with the query may be right too, and counts neither way."""

SIZES = (30, 150)
"""Units in the small libraries."""

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
"""Plain queries, and what captions of a matching photo say.

A photo is right if two of its captions say so, and counts neither way if one does."""


@dataclass(frozen=True, slots=True)
class Trials:
    """Queries and a library.

    Attributes:
        group: Name under which the results are reported.
        key: Kind of query and kind of unit.
        queries: Unit vectors, shape (q, d).
        units: The library's units of the key's kind, shape (n, d).
        photos: The library's photos, shape (p, d).
        right: Which units are right, shape (q, n).
        unknown: Which units count as neither right nor wrong, shape (q, n).
    """

    group: str
    key: ModelKey
    queries: Vectors
    units: Vectors
    photos: Vectors
    right: Mask
    unknown: Mask


def captioned_trials(
    data: EmbeddedSet, half: int, things: Vectors, distractors: Vectors, rng: np.random.Generator
) -> Iterator[Trials]:
    """Yield trials of a set with several captions by people for each photo.

    Args:
        data: The set.
        half: The half of its photos to use.
        things: The vectors of `THINGS`.
        distractors: Photos of other sets that make the library large, shape (c, d).
        rng: Chooses small libraries.
    """
    photo_rows = np.flatnonzero(data.halves == half)
    lines = np.isin(data.owners, photo_rows)
    owners, texts = (
        np.searchsorted(photo_rows, data.owners[lines]),
        data.texts[data.line_captions[lines]],
    )  # (l,), (l, d)
    is_similar = texts @ texts.T > SIMILAR  # (l, l)
    photos, right = data.photos[photo_rows], owners[:, None] == np.arange(len(photo_rows))  # (p, d), (l, p)
    by_photo = [is_similar[:, owners == photo].any(axis=1) for photo in range(len(photo_rows))]
    unknown = np.stack(by_photo, axis=1) & ~right  # (l, p)
    yield from _in_sizes(Trials("captions", WORDS_TO_PHOTOS, texts, photos, photos, right, unknown), rng)
    wrong = np.zeros((len(texts), len(distractors)), dtype=bool)
    yield Trials(
        "captions",
        WORDS_TO_PHOTOS,
        texts,
        np.concatenate([photos, distractors]),
        photos,
        np.hstack([right, wrong]),
        np.hstack([unknown, wrong]),
    )
    first = np.unique(owners, return_index=True)[1]  # one caption of each photo is the query, the others are units
    rest = np.setdiff1d(np.arange(len(owners)), first)
    none = np.zeros((len(first), len(rest)), dtype=bool)
    right_texts = owners[first][:, None] == owners[rest]
    to_texts = Trials("captions", WORDS_TO_TEXTS, texts[first], texts[rest], photos, right_texts, none)
    yield from _in_sizes(to_texts, rng)
    unknown_texts = unknown[rest].T & ~right_texts
    yield from _in_sizes(
        Trials("captions", PHOTO_TO_TEXTS, photos, texts[rest], photos, right_texts, unknown_texts), rng
    )
    counts = _mentions([data.captions[row].lower() for row in data.line_captions[lines]], owners, len(photo_rows))
    yield from _in_sizes(Trials("things", WORDS_TO_PHOTOS, things, photos, photos, counts >= 2, counts == 1), rng)


def _mentions(captions: list[str], owners: Ids, photos: int) -> NDArray[np.float64]:
    """Return how many captions of each photo mention each of `THINGS`, shape (things, photos)."""
    return np.array(
        [
            np.bincount(owners, [bool(re.search(rf"\b({form})\b", caption)) for caption in captions], photos)
            for form in THINGS.values()
        ]
    )


def labelled_trials(data: EmbeddedSet, half: int, distractors: Vectors, rng: np.random.Generator) -> Iterator[Trials]:
    """Yield trials of a set whose captions are class names.

    Args:
        data: The set.
        half: The half of its photos to use.
        distractors: Photos that show none of its classes and that `compact` was not trained on, shape (c, d).
        rng: Chooses small libraries.
    """
    every = np.ones(len(data.labels), dtype=bool)
    for group, is_used in (("unseen classes", data.unseen), ("whole classes", every)):
        photo_rows = np.flatnonzero((data.halves == half) & is_used)
        labels = data.labels[photo_rows]
        names = np.unique(labels)
        captions = [data.line_captions[data.owners == np.flatnonzero(data.labels == label)[0]][0] for label in names]
        numbers = np.concatenate([captions, [np.flatnonzero(data.captions == label)[0] for label in names]])
        right = np.concatenate([names, names])[:, None] == labels  # (2 names, p)
        photos = data.photos[photo_rows]
        if group == "unseen classes":
            photos = np.concatenate([photos, distractors])
            right = np.pad(right, ((0, 0), (0, len(distractors))))
        none = np.zeros_like(right)
        yield from _in_sizes(Trials(group, WORDS_TO_PHOTOS, data.texts[numbers], photos, photos, right, none), rng)
    queries = np.flatnonzero((data.halves == half) & data.unseen)
    answers = np.flatnonzero((data.halves == half) & ~data.unseen)
    right = data.labels[queries][:, None] == data.labels[answers]
    if len(queries) and len(answers) > 2 * SIZES[0]:
        photos = data.photos[answers]
        trials = Trials("classes", PHOTO_TO_PHOTOS, data.photos[queries], photos, photos, right, np.zeros_like(right))
        yield from _in_sizes(trials, rng)


def _in_sizes(trials: Trials, rng: np.random.Generator) -> Iterator[Trials]:
    """Yield the trials in the whole library and in parts of it, with the queries that still have a right answer."""
    units = np.arange(len(trials.units), dtype=np.int64)
    for size in (len(units), *SIZES):
        if size <= len(units):
            yield _part(trials, np.sort(rng.choice(units, size, replace=False)))


def _part(trials: Trials, units: Ids) -> Trials:
    has_answer = trials.right[:, units].any(axis=1)
    photos = trials.units[units] if trials.key.kind is Modality.PHOTO else trials.photos
    return Trials(
        trials.group,
        trials.key,
        trials.queries[has_answer],
        trials.units[units],
        photos,
        trials.right[has_answer][:, units],
        trials.unknown[has_answer][:, units],
    )
