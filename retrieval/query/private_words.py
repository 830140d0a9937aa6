"""Private words: words that users teach with photos of their own, and the vectors of texts that contain them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from indexer.catalog.statements import encoders, private_words
from indexer.catalog.statements.private_words import WordRecord
from indexer.documents.chunking import truncate_queries
from indexer.encoders.adapter import AdaptedEncoder
from indexer.encoders.base import Encoder, to_unit_length
from indexer.errors import FeedbackError, LibraryError
from indexer.store import Store
from indexer.types import Vectors
from retrieval.query.parser import is_url
from retrieval.query.word_matching import is_picture_name, parse, word_key

_MAX_LENGTH = 100
"""Characters of a word, at most."""

_SYNTAX = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*:(?!\d)|clipboard:", flags=re.IGNORECASE)
"""The beginning of a text that the query parser would not read as words."""


@dataclass(frozen=True, slots=True)
class PrivateWord:
    """A word that was taught to a library.

    Attributes:
        word: The word as it was first written; queries may write it in any case.
        examples: Paths of its photos, which may have been deleted since.
        added_at: When it was taught, in UTC.
    """

    word: str
    examples: Sequence[Path]
    added_at: datetime


@dataclass(frozen=True, slots=True)
class LearnReport:
    """The result of teaching a word.

    Attributes:
        word: The word as the library writes it.
        added: Number of new examples.
        repeated: Number of photos that were examples of it before.
        examples: Number of examples that it has now.
        failures: Photos that cannot be read, each with the reason.
    """

    word: str
    added: int
    repeated: int
    examples: int
    failures: Sequence[tuple[Path, str]]


def validate(word: str) -> str:
    """Return a word in the form in which it is stored, in Unicode NFC and with single spaces.

    Raises:
        FeedbackError: The word is blank or too long, has no letter or digit, or has a meaning in the syntax of queries.
    """
    normal = " ".join(unicodedata.normalize("NFC", word).split())
    if not normal:
        raise FeedbackError("the word to learn is blank; give a name, for instance Biscuit")
    if len(normal) > _MAX_LENGTH:
        raise FeedbackError(f"the word to learn has {len(normal)} characters; expected at most {_MAX_LENGTH}")
    if not any(letter.isalnum() for letter in normal):
        raise FeedbackError(f"the word {normal!r} has no letter or digit; give a name, for instance Biscuit")
    if _SYNTAX.match(normal) or {"+", "-"} & set(normal.split()):
        raise FeedbackError(
            f"the word {normal!r} means something else in a query, as +, - and 2: do; choose another word"
        )
    if is_url(normal) or is_picture_name(normal):
        meaning = "an address" if is_url(normal) else "the name of a picture"
        raise FeedbackError(
            f"the word {normal!r} is {meaning}, so a query would not take it for a word; the word comes first: recall "
            "learn Biscuit photo.jpg"
        )
    if not normal.isprintable():
        raise FeedbackError(f"the word {normal!r} has invisible characters; leave them out")
    return normal


def load_words(store: Store) -> list[WordRecord]:
    """Return the private words of a library; they are read once for each state of the catalog."""
    return store.cached("private words", private_words.word_records)


def find_word(words: Sequence[WordRecord], word: str) -> WordRecord | None:
    """Return the private word that is this word in any case and with any apostrophes; None if there is none."""
    key = word_key(word)
    return next((record for record in words if word_key(record.word) == key), None)


def photo_shares(store: Store, texts: Sequence[str]) -> list[float]:
    """Return how much of each text's vector comes from photos of private words, 0 to 1."""
    words = load_words(store)
    return [parse(text, words).photo_share for text in texts]


def text_vectors(store: Store, texts: Sequence[str], encoder: Encoder) -> Vectors:
    """Return one unit vector for each text, shape (n, d).

    The vector of a text with private words is half the text without them and half the mean of their photos. A text of
    private words only has the mean of their photos. A text that is too long for the encoder is truncated at a word,
    with a warning in the log.

    Args:
        store: The library with the private words.
        texts: Texts, none of them blank.
        encoder: Any encoder; photos of private words that have no embedding by it are encoded.
    """
    words = load_words(store)
    parsed = [parse(text, words) for text in texts]
    remaining = [split.rest or text for split, text in zip(parsed, texts, strict=True)]
    vectors = encoder.encode_texts(truncate_queries(remaining, encoder.fits))
    if not any(split.words for split in parsed):
        return vectors
    vectors = vectors.copy()
    for row, split in enumerate(parsed):
        if split.words:
            means = [_mean_vector(store, record, encoder) for record in split.words]
            photos = to_unit_length(np.sum(means, axis=0)[None])[0]
            mixed = split.photo_share * photos + (1 - split.photo_share) * vectors[row]
            vectors[row] = to_unit_length(mixed[None])[0]
    return vectors


def embed_examples(store: Store, word_id: int, encoder: Encoder) -> Vectors:
    """Return the embeddings of a word's photos, shape (n, d), unit length; missing ones are encoded and stored.

    They are not stored if the library is read-only or another process is writing to it; then they are encoded again
    next time.

    Args:
        store: The library.
        word_id: Id of the word.
        encoder: An encoder without an adapter.
    """
    with store.reading() as connection:
        embeddings = private_words.example_vectors(connection, word_id, encoder.fingerprint, encoder.dim)
        missing = [id_ for id_, vector in embeddings.items() if vector is None]
        pictures = {id_: private_words.example_picture(connection, id_) for id_ in missing}
    pixels = [
        (id_, store.pictures.pixels(picture, preprocess=encoder.preprocess))
        for id_, picture in pictures.items()
        if picture
    ]
    if pixels:
        encoded = encoder.encode_images(np.stack([array for _, array in pixels]))
        new = {id_: vector for (id_, _), vector in zip(pixels, encoded, strict=True)}
        embeddings |= new
        _store_examples(store, encoder, new)
    usable = [vector for vector in embeddings.values() if vector is not None]
    return to_unit_length(np.array(usable).reshape(-1, encoder.dim))


def _store_examples(store: Store, encoder: Encoder, vectors: dict[int, Vectors]) -> None:
    """Store embeddings of examples if the library can be written."""
    try:
        with store.writing("learning a word", wait=0), store.transaction() as connection:
            id_ = encoders.add_encoder(
                connection,
                name=encoder.name,
                fingerprint=encoder.fingerprint,
                dim=encoder.dim,
                preprocess=encoder.preprocess,
            )
            private_words.save_example_vectors(connection, id_, vectors)
    except LibraryError:
        return


def _mean_vector(store: Store, record: WordRecord, encoder: Encoder) -> Vectors:
    """Return the mean embedding of a word's photos, shape (d,), unit length."""
    base = encoder.base_encoder if isinstance(encoder, AdaptedEncoder) else encoder
    vectors = embed_examples(store, record.id, base)
    if isinstance(encoder, AdaptedEncoder):
        vectors = encoder.adapter.adapt_photos(vectors)
    mean: Vectors = to_unit_length(vectors.sum(axis=0)[None])[0]
    return mean
