"""Words that a user has taught with photos: where they stand in a text, and the vector of such a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from indexer.catalog.statements import encoders, private_words
from indexer.catalog.statements.private_words import WordRecord
from indexer.documents.chunking import truncate_queries
from indexer.encoders.adapter import AdaptedEncoder
from indexer.encoders.base import Encoder, to_unit_length
from indexer.errors import FeedbackError, LibraryError
from indexer.store import Store
from indexer.types import Vectors

LONGEST = 100
"""Characters of a word."""

SHARE = 0.5
"""How much of a text's vector comes from the examples where other words stand beside; see tests/bench/words.py."""

_SIGN = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*:|clipboard:", flags=re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PrivateWord:
    """A word that a library was taught.

    Attributes:
        word: As it was first written; any case of its letters finds it.
        examples: Where the photos came from, which may be gone since.
        added_at: When, in UTC.
    """

    word: str
    examples: Sequence[Path]
    added_at: datetime


@dataclass(frozen=True, slots=True)
class LearnReport:
    """What learning a word did.

    Attributes:
        word: As the library writes it.
        added: New examples.
        known: Photos that were examples of it already.
        examples: Examples that it has now.
        failures: Photos that cannot be read, each with the reason.
    """

    word: str
    added: int
    known: int
    examples: int
    failures: Sequence[tuple[Path, str]]


class ParsedText(NamedTuple):
    """A text with the private words in it; `rest` is the text without them, "" where nothing is said beside."""

    words: tuple[WordRecord, ...]
    rest: str

    @property
    def share(self) -> float:
        """How much of the text's vector comes from photos, 0 to 1."""
        return 0.0 if not self.words else SHARE if self.rest else 1.0


def validate(word: str) -> str:
    """Return a word as it is kept, its blanks single.

    Raises:
        FeedbackError: It is blank, too long, holds no letter or digit, or would be read as a sign of a query.
    """
    plain = " ".join(unicodedata.normalize("NFC", word).split())
    if not plain:
        raise FeedbackError("the word to learn is blank; give a name, for instance Biscuit")
    if len(plain) > LONGEST:
        raise FeedbackError(f"the word to learn has {len(plain)} characters; expected at most {LONGEST}")
    if not any(letter.isalnum() for letter in plain):
        raise FeedbackError(f"the word {plain!r} has no letter or digit; give a name, for instance Biscuit")
    if _SIGN.match(plain) or {"+", "-"} & set(plain.split()):
        raise FeedbackError(f"the word {plain!r} means something else in a query (+, - and 2: are signs); take another")
    if not plain.isprintable():
        raise FeedbackError(f"the word {plain!r} has characters that cannot be seen; leave them out")
    return plain


def words_of(store: Store) -> list[WordRecord]:
    """Return the words that a library was taught; it is asked once for each state of the catalog."""
    return store.cached("private words", private_words.word_records)


def find(words: Sequence[WordRecord], word: str) -> WordRecord | None:
    """Return a word in whatever case it is written, None where it is not known."""
    plain = validate(word).casefold()
    return next((each for each in words if each.word.casefold() == plain), None)


def parse(text: str, words: Sequence[WordRecord]) -> ParsedText:
    """Return the private words in a text: whole ones, in any case, of several that begin alike the longest."""
    if not words:
        return ParsedText((), text)
    longest = sorted(words, key=lambda each: -len(each.word))
    either = "|".join("(" + r"\s+".join(map(re.escape, each.word.split())) + ")" for each in longest)
    plain = unicodedata.normalize("NFC", text)
    found: dict[int, WordRecord] = {}

    def left_out(match: re.Match[str]) -> str:
        word = longest[(match.lastindex or 1) - 1]
        found.setdefault(word.id, word)
        return " "

    rest = " ".join(re.sub(rf"(?<!\w)(?:{either})(?!\w)", left_out, plain, flags=re.IGNORECASE).split())
    if not found:
        return ParsedText((), text)
    return ParsedText(tuple(found.values()), rest if any(letter.isalnum() for letter in rest) else "")


def photo_shares(store: Store, texts: Sequence[str]) -> list[float]:
    """Return for each text how much of its vector comes from photos, 0 to 1."""
    words = words_of(store)
    return [parse(text, words).share for text in texts]


def text_vectors(store: Store, texts: Sequence[str], encoder: Encoder) -> Vectors:
    """Return one unit vector for each text, shape (n, d).

    That of a text with private words is half the text without them and half their photos, as a query of words and a
    picture is; that of such words alone is the mean of their photos. A text that is longer than the encoder reads is
    cut at a word, and a warning says so.

    Args:
        store: The library, which has the words.
        texts: None of them blank.
        encoder: Any; where the words have no vectors under it yet, they get them.
    """
    words = words_of(store)
    readings = [parse(text, words) for text in texts]
    remaining = [reading.rest or text for reading, text in zip(readings, texts, strict=True)]
    vectors = encoder.encode_texts(truncate_queries(remaining, encoder.fits))
    if not any(each.words for each in readings):
        return vectors
    vectors = vectors.copy()
    for row, each in enumerate(readings):
        if each.words:
            photos = to_unit_length(np.sum([_meaning(store, word, encoder) for word in each.words], axis=0)[None])[0]
            vectors[row] = each.share * photos + (1 - each.share) * vectors[row]
    return to_unit_length(vectors)


def embed_examples(store: Store, word_id: int, encoder: Encoder) -> Vectors:
    """Return the vectors of a word's examples, shape (n, d), unit length; those that are missing are made and kept.

    A library that cannot be written, or that another process is writing to, keeps them another time.

    Args:
        store: The library.
        word_id: The word.
        encoder: One without an adapter.
    """
    from indexer.images import read_pixels  # late: with all vectors there no picture is opened

    with store.reading() as connection:
        held = private_words.example_vectors(connection, word_id, encoder.fingerprint, encoder.dim)
        missing = [id_ for id_, vector in held.items() if vector is None]
        pictures = {id_: private_words.example_picture(connection, id_) for id_ in missing}
    pixels = [
        (id_, read_pixels(picture, preprocess=encoder.preprocess)) for id_, picture in pictures.items() if picture
    ]
    if pixels:
        made = encoder.encode_images(np.stack([each for _, each in pixels]))
        new = {id_: vector for (id_, _), vector in zip(pixels, made, strict=True)}
        held |= new
        _keep(store, encoder, new)
    return to_unit_length(np.array([vector for vector in held.values() if vector is not None]).reshape(-1, encoder.dim))


def _keep(store: Store, encoder: Encoder, vectors: dict[int, Vectors]) -> None:
    try:
        with store.writing("learning a word"), store.transaction() as connection:
            id_ = encoders.add_encoder(
                connection,
                name=encoder.name,
                fingerprint=encoder.fingerprint,
                dim=encoder.dim,
                preprocess=encoder.preprocess,
            )
            private_words.save_example_vectors(connection, id_, vectors)
    except LibraryError:
        return  # read-only or locked: they are made again next time


def _meaning(store: Store, word: WordRecord, encoder: Encoder) -> Vectors:
    """Return the mean of a word's photos, shape (d,), unit length."""
    plain = encoder.base_encoder if isinstance(encoder, AdaptedEncoder) else encoder
    vectors = embed_examples(store, word.id, plain)
    if isinstance(encoder, AdaptedEncoder):
        vectors = encoder.adapter.adapt_photos(vectors)
    mean: Vectors = to_unit_length(vectors.sum(axis=0)[None])[0]
    return mean
