"""Statements about private words and their example photos."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from indexer.catalog.schema import EXAMPLE_EMBEDDINGS, PRIVATE_WORDS, WORD_EXAMPLES
from indexer.catalog.statements.encoders import encoder_id as id_of
from indexer.catalog.statements.items import VECTOR_DTYPE, decode_vectors, has_dim
from indexer.types import Vectors, utc_now


class WordRecord(NamedTuple):
    """A private word's record in the catalog."""

    id: int
    word: str
    added_at: datetime


class Example(NamedTuple):
    """An example photo of a word: the original path, SHA-256 of that file, and a reduced copy as JPEG."""

    path: str
    content_hash: bytes
    picture: bytes


def word_records(connection: Connection) -> list[WordRecord]:
    """Return all private words in alphabetical order."""
    columns = (PRIVATE_WORDS.c.id, PRIVATE_WORDS.c.word, PRIVATE_WORDS.c.added_at)
    return [WordRecord(*row) for row in connection.execute(select(*columns).order_by(func.lower(PRIVATE_WORDS.c.word)))]


def add_word(connection: Connection, word: str) -> int:
    """Add a word, which must not exist in any case, and return its id."""
    values = {"word": word, "added_at": utc_now()}
    return int(connection.scalars(insert(PRIVATE_WORDS).values(**values).returning(PRIVATE_WORDS.c.id)).one())


def add_example(connection: Connection, word_id: int, example: Example) -> int | None:
    """Add an example of a word and return its id, or None if the word already has this file."""
    is_equal = (WORD_EXAMPLES.c.word_id == word_id) & (WORD_EXAMPLES.c.content_hash == example.content_hash)
    if connection.scalar(select(WORD_EXAMPLES.c.id).where(is_equal)) is not None:
        return None
    values = {"word_id": word_id, "added_at": utc_now(), **example._asdict()}
    return int(connection.scalars(insert(WORD_EXAMPLES).values(**values).returning(WORD_EXAMPLES.c.id)).one())


def example_paths(connection: Connection) -> dict[int, list[str]]:
    """Return the original paths of examples by word id, oldest example first."""
    paths: dict[int, list[str]] = {}
    statement = select(WORD_EXAMPLES.c.word_id, WORD_EXAMPLES.c.path).order_by(WORD_EXAMPLES.c.id)
    for word_id, path in connection.execute(statement):
        paths.setdefault(word_id, []).append(path)
    return paths


def example_vectors(connection: Connection, word_id: int, fingerprint: str, dim: int) -> dict[int, Vectors | None]:
    """Return the examples of a word by id, each with its vector under an encoder, shape (d,), or None.

    Args:
        connection: Open connection.
        word_id: The word.
        fingerprint: Fingerprint of the plain encoder.
        dim: Length of its vectors.
    """
    on_example = (EXAMPLE_EMBEDDINGS.c.example_id == WORD_EXAMPLES.c.id) & (
        EXAMPLE_EMBEDDINGS.c.encoder_id == (id_of(connection, fingerprint) or 0)
    )
    statement = (
        select(WORD_EXAMPLES.c.id, EXAMPLE_EMBEDDINGS.c.vector)
        .join_from(WORD_EXAMPLES, EXAMPLE_EMBEDDINGS, on_example, isouter=True)
        .where(WORD_EXAMPLES.c.word_id == word_id)
        .order_by(WORD_EXAMPLES.c.id)
    )
    return {
        id_: decode_vectors([blob], dim)[0] if blob is not None and has_dim(blob, dim) else None
        for id_, blob in connection.execute(statement)
    }


def example_picture(connection: Connection, example_id: int) -> bytes | None:
    """Return the reduced copy of an example, or None if it was deleted meanwhile."""
    return connection.scalar(select(WORD_EXAMPLES.c.picture).where(WORD_EXAMPLES.c.id == example_id))


def save_example_vectors(connection: Connection, encoder_id: int, vectors: Mapping[int, Vectors]) -> None:
    """Store vectors of examples under an encoder, replacing existing ones and skipping deleted examples.

    Args:
        connection: Open connection, in a transaction.
        encoder_id: The encoder that computed them.
        vectors: Unit-length vectors by example id, shape (d,), float32.
    """
    for id_, vector in vectors.items():
        if connection.scalar(select(WORD_EXAMPLES.c.id).where(WORD_EXAMPLES.c.id == id_)) is None:
            continue
        existing = (EXAMPLE_EMBEDDINGS.c.example_id == id_) & (EXAMPLE_EMBEDDINGS.c.encoder_id == encoder_id)
        connection.execute(delete(EXAMPLE_EMBEDDINGS).where(existing))
        blob = vector.astype(VECTOR_DTYPE).tobytes()
        connection.execute(insert(EXAMPLE_EMBEDDINGS).values(example_id=id_, encoder_id=encoder_id, vector=blob))


def delete_word(connection: Connection, word_id: int) -> None:
    """Delete a word with its examples."""
    connection.execute(delete(PRIVATE_WORDS).where(PRIVATE_WORDS.c.id == word_id))
