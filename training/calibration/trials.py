"""Queries with the units that people would call right."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.base import Encoder, to_unit_length
from indexer.images import read_photo
from indexer.types import Ids, Modality, Vectors
from retrieval.calibration.probability import Form, ModelKey
from training.calibration.embedded_sets import PHOTO_BATCH, TEXT_BATCH, EmbeddedSet
from training.calibration.nouns import count_mentions, noun_queries

Targets = NDArray[np.float32]

_ONE_OF_FIVE = 0.1
"""Target of a photo of which one of five people mentions a noun; two or more make it right."""

_SIMILAR = 0.6
"""A photo with a caption that has at least this cosine with the query may be right too, and counts neither way."""


_LIKE_LABEL = 0.22
"""A photo whose label has at least this cosine with a noun may show it."""


@dataclass(frozen=True, slots=True)
class Trials:
    """Queries and a library.

    Attributes:
        group: Name under which the results are reported.
        key: Form of the queries and kind of the units.
        texts: The words of each query, "" where it has none, (q,).
        scores: Cosine of each query with each unit, shape (q, n).
        queries: Unit vectors, shape (q, d).
        targets: Share of people who call the unit right, 0 to 1, shape (q, n); NaN where it is not known.
        query_halves: 0 for fitting, 1 for measuring, shape (q,).
        unit_halves: The same of the units, shape (n,).
    """

    group: str
    key: ModelKey
    texts: Sequence[str]
    scores: Vectors
    queries: Vectors
    targets: Targets
    query_halves: Ids
    unit_halves: Ids


def text_half(text: str) -> int:
    """Return 0 for the half of texts that constants are fitted on, 1 for the other."""
    return hashlib.sha256(text.encode()).digest()[0] % 2


def encode_texts(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    """Return the vectors of texts, shape (n, d)."""
    starts = range(0, len(texts), TEXT_BATCH)
    return np.concatenate([encoder.encode_texts(list(texts[start : start + TEXT_BATCH])) for start in starts])


def noun_trials(data: EmbeddedSet, encoder: Encoder) -> Trials:
    """Return trials of nouns on photos that five people each described; two of them have to mention it."""
    captions: list[list[str]] = [[] for _ in data.photos]
    for owner, line in zip(data.owners, data.line_captions, strict=True):
        captions[owner].append(str(data.captions[line]))
    mentions = count_mentions(captions)
    targets = np.select([mentions >= 2, mentions == 1], [1.0, _ONE_OF_FIVE], 0.0).astype(np.float32)
    used = np.flatnonzero((mentions.max(axis=1) == 0) | (mentions.max(axis=1) >= 2))
    texts = [noun_queries()[row] for row in used]
    vectors = encode_texts(encoder, texts)
    key = ModelKey(Form.WORDS, Modality.PHOTO)
    halves = np.array([text_half(text) for text in texts])
    return Trials("nouns", key, texts, vectors @ data.photos.T, vectors, targets[used], halves, data.halves)


def mixed_trials(nouns: Trials, sets: dict[str, EmbeddedSet], encoder: Encoder) -> Trials:
    """Return the trials of nouns with more photos, of other subjects, that show none of them as far as is known.

    Args:
        nouns: The trials.
        sets: The labelled sets by name, of which the photos are used that `compact` never saw.
        encoder: Embeds their labels: a photo whose label is like the noun counts neither way.
    """
    photos = np.concatenate([data.photos[data.unseen] for data in sets.values()])
    labels, rows = np.unique(np.concatenate([data.labels[data.unseen] for data in sets.values()]), return_inverse=True)
    halves = np.concatenate([data.halves[data.unseen] for data in sets.values()])
    is_like = nouns.queries @ encode_texts(encoder, [f"a {label}" for label in labels]).T > _LIKE_LABEL
    others = np.where(is_like[:, rows], np.nan, 0.0).astype(np.float32)
    return replace(
        nouns,
        group="nouns, mixed photos",
        scores=np.hstack([nouns.scores, nouns.queries @ photos.T]),
        targets=np.hstack([nouns.targets, others]),
        unit_halves=np.concatenate([nouns.unit_halves, halves]),
    )


def judged_trials(folder: Path, encoder: Encoder, work: Path) -> Trials:
    """Return trials of captions on photos whose pairs people judged.

    Args:
        folder: Contains `judgements.csv` (image,caption,yes,no) and `images/`.
        encoder: Embeds photos and captions.
        work: Folder in which the embeddings are cached.
    """
    with (folder / "judgements.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    images, texts = sorted({row["image"] for row in rows}), sorted({row["caption"] for row in rows})
    file = work / f"judged-{folder.name}-{encoder.fingerprint[:16]}.npz"
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        paths = [folder / "images" / image for image in images]
        batches = [paths[start : start + PHOTO_BATCH] for start in range(0, len(paths), PHOTO_BATCH)]
        pixels = (
            np.stack([read_photo(path, preprocess=encoder.preprocess).pixels for path in batch]) for batch in batches
        )
        photos = np.concatenate([encoder.encode_images(batch) for batch in pixels])
        np.savez(file, allow_pickle=False, photos=photos, texts=encode_texts(encoder, texts))
    with np.load(file) as arrays:
        photos, vectors = arrays["photos"], arrays["texts"]
    columns, lines_of = {image: row for row, image in enumerate(images)}, {text: row for row, text in enumerate(texts)}
    targets = np.full((len(texts), len(images)), np.nan, dtype=np.float32)
    for row in rows:
        yes, no = int(row["yes"]), int(row["no"])
        targets[lines_of[row["caption"]], columns[row["image"]]] = yes / (yes + no)
    key = ModelKey(Form.WORDS, Modality.PHOTO)
    halves = [np.array([text_half(name) for name in names]) for names in (texts, images)]
    return Trials("judged captions", key, texts, vectors @ photos.T, vectors, targets, *halves)


def class_trials(sets: dict[str, EmbeddedSet], related: dict[str, set[str]], encoder: Encoder) -> list[Trials]:
    """Return trials of class names, of photos and of both, on the labelled photos that `compact` never saw.

    Photos of a class are right. Photos of related sets count neither way, as they may show the class too.

    Args:
        sets: The labelled sets by name.
        related: For each set, the names of those whose photos may show its classes.
        encoder: Embeds the queries.
    """
    photos = np.concatenate([data.photos[data.unseen] for data in sets.values()])
    labels = np.concatenate([data.labels[data.unseen] for data in sets.values()])
    origins = np.concatenate([np.full(data.unseen.sum(), name) for name, data in sets.items()])
    halves = np.concatenate([data.halves[data.unseen] for data in sets.values()])
    targets = (labels[:, None] == labels).astype(np.float32)  # (n, n)
    may_show = np.array([[other in related[own] for other in origins] for own in origins])
    targets[(targets == 0) & may_show] = np.nan
    names = sorted({str(label) for label in labels if (labels == label).sum() > 1 and len(str(label).split()) <= 3})
    first = [int(np.flatnonzero(labels == name)[0]) for name in names]
    texts = [f"a {name}" for name in names]
    vectors = encode_texts(encoder, texts)
    name_halves = np.array([text_half(text) for text in texts])
    to_photos = [ModelKey(form, Modality.PHOTO) for form in Form]
    named = Trials("classes", to_photos[0], texts, vectors @ photos.T, vectors, targets[first], name_halves, halves)
    pictures = Trials("classes", to_photos[1], [""] * len(photos), photos @ photos.T, photos, targets, halves, halves)
    targets = targets.copy()
    np.fill_diagonal(targets, np.nan)  # it is part of the query
    rows = np.flatnonzero(np.isin(labels, names))
    mixed = to_unit_length(photos[rows] + vectors[np.searchsorted(names, labels[rows])])
    both = Trials(
        "classes", to_photos[2], [""] * len(rows), mixed @ photos.T, mixed, targets[rows], halves[rows], halves
    )
    return [named, pictures, both]


def caption_trials(data: EmbeddedSet) -> list[Trials]:
    """Return trials on captions as texts: the query is a caption, its photo, or both, the other captions are right."""
    lines = data.texts[data.line_captions]  # (l, d)
    first = np.unique(data.owners, return_index=True)[1]  # one caption of each photo is the query, the others are units
    rest = np.setdiff1d(np.arange(len(data.owners)), first)
    captions, units, owners = lines[first], lines[rest], data.owners[rest]
    targets = (np.arange(len(first))[:, None] == owners).astype(np.float32)
    targets[(targets == 0) & (captions @ units.T > _SIMILAR)] = np.nan
    texts = [str(data.captions[data.line_captions[row]]) for row in first]
    queries = {
        Form.WORDS: (texts, captions),
        Form.PICTURE: ([""] * len(first), data.photos),
        Form.MIXED: ([""] * len(first), to_unit_length(data.photos + captions)),
    }
    return [
        Trials(
            "captions", ModelKey(form, Modality.TEXT), words, vectors @ units.T, vectors, targets, data.halves,
            data.halves[owners],
        )
        for form, (words, vectors) in queries.items()
    ]  # fmt: skip
