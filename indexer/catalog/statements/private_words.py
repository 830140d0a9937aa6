"""Statements about words that a user has taught, and the photos that say what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select

from indexer.catalog.schema import EXAMPLE_EMBEDDINGS, PRIVATE_WORDS, WORD_EXAMPLES
from indexer.catalog.statements.encoders import encoder_id as id_of
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.types import Vectors, utc_now


class WordRecord(NamedTuple):
    """A word as the catalog knows it."""

    id: int
    word: str
    added_at: datetime


class Example(NamedTuple):
    """A photo that says what a word means: where it came from, SHA-256 of that file, and a reduced copy as JPEG."""

    path: str
    content_hash: bytes
    picture: bytes


def word_records(connection: Connection) -> list[WordRecord]:
    """Return all words in the order of the alphabet."""
    columns = (PRIVATE_WORDS.c.id, PRIVATE_WORDS.c.word, PRIVATE_WORDS.c.added_at)
    return [WordRecord(*row) for row in connection.execute(select(*columns).order_by(func.lower(PRIVATE_WORDS.c.word)))]


def add_word(connection: Connection, word: str) -> int:
    """Return the id of a word that was not known in any case of its letters, now added."""
    values = {"word": word, "added_at": utc_now()}
    return int(connection.scalars(insert(PRIVATE_WORDS).values(**values).returning(PRIVATE_WORDS.c.id)).one())


def add_example(connection: Connection, word_id: int, example: Example) -> int | None:
    """Return the id of a new example of a word; None where the word has this very file already."""
    same = (WORD_EXAMPLES.c.word_id == word_id) & (WORD_EXAMPLES.c.content_hash == example.content_hash)
    if connection.scalar(select(WORD_EXAMPLES.c.id).where(same)) is not None:
        return None
    values = {"word_id": word_id, "added_at": utc_now(), **example._asdict()}
    return int(connection.scalars(insert(WORD_EXAMPLES).values(**values).returning(WORD_EXAMPLES.c.id)).one())


def example_paths(connection: Connection) -> dict[int, list[str]]:
    """Return where the examples of each word came from, by word id, in the order in which they were given."""
    found: dict[int, list[str]] = {}
    rows = select(WORD_EXAMPLES.c.word_id, WORD_EXAMPLES.c.path).order_by(WORD_EXAMPLES.c.id)
    for word_id, path in connection.execute(rows):
        found.setdefault(word_id, []).append(path)
    return found


def example_vectors(connection: Connection, word_id: int, fingerprint: str, dim: int) -> dict[int, Vectors | None]:
    """Return the examples of a word by id, each with its vector under an encoder, shape (d,), None where it has none.

    Args:
        connection: Open connection.
        word_id: The word.
        fingerprint: Of the encoder, without an adapter.
        dim: Length of its vectors.
    """
    mine = (EXAMPLE_EMBEDDINGS.c.example_id == WORD_EXAMPLES.c.id) & (
        EXAMPLE_EMBEDDINGS.c.encoder_id == (id_of(connection, fingerprint) or 0)
    )
    rows = select(WORD_EXAMPLES.c.id, EXAMPLE_EMBEDDINGS.c.vector).join_from(
        WORD_EXAMPLES, EXAMPLE_EMBEDDINGS, mine, isouter=True
    )
    found: dict[int, Vectors | None] = {}
    for id_, raw in connection.execute(rows.where(WORD_EXAMPLES.c.word_id == word_id).order_by(WORD_EXAMPLES.c.id)):
        usable = raw is not None and len(raw) == dim * VECTOR_DTYPE.itemsize
        found[id_] = np.frombuffer(raw, dtype=VECTOR_DTYPE).astype(np.float32) if usable else None
    return found


def example_picture(connection: Connection, example_id: int) -> bytes | None:
    """Return the reduced copy of an example; None where it was forgotten a moment ago."""
    return connection.scalar(select(WORD_EXAMPLES.c.picture).where(WORD_EXAMPLES.c.id == example_id))


def save_example_vectors(connection: Connection, encoder_id: int, vectors: Mapping[int, Vectors]) -> None:
    """Keep vectors of examples under an encoder, in place of those there were; examples that are gone are passed over.

    Args:
        connection: Open connection, in a transaction.
        encoder_id: The encoder that made them.
        vectors: Unit vectors by example id, shape (d,), float32.
    """
    for id_, vector in vectors.items():
        if connection.scalar(select(WORD_EXAMPLES.c.id).where(WORD_EXAMPLES.c.id == id_)) is None:
            continue
        own = (EXAMPLE_EMBEDDINGS.c.example_id == id_) & (EXAMPLE_EMBEDDINGS.c.encoder_id == encoder_id)
        connection.execute(delete(EXAMPLE_EMBEDDINGS).where(own))
        raw = vector.astype(VECTOR_DTYPE).tobytes()
        connection.execute(insert(EXAMPLE_EMBEDDINGS).values(example_id=id_, encoder_id=encoder_id, vector=raw))


def delete_word(connection: Connection, word_id: int) -> None:
    """Take a word with its examples out of the catalog."""
    connection.execute(delete(PRIVATE_WORDS).where(PRIVATE_WORDS.c.id == word_id))
