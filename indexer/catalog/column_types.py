"""Types of columns. On PostgreSQL numbers have 64 bits and texts sort by their bytes, as they do on SQLite."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Dialect, Integer, LargeBinary, String, func
from sqlalchemy.types import TypeDecorator, UserDefinedType


class PathBytes(TypeDecorator[str]):
    """A path stored as file system bytes: names may be invalid UTF-8, and bytes sort in the order of the walk."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Return a path as bytes."""
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Return bytes as a path; invalid UTF-8 becomes surrogates, as in the `os` module."""
        return None if value is None else os.fsdecode(value)


class _TextWithoutNul(TypeDecorator[str]):
    """A text on PostgreSQL, which cannot store the character NUL."""

    impl = String
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(collation="C")

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return a text with each NUL replaced."""
        return None if value is None else without_nul(value)


class HalfVectorBytes(bytes):
    """A vector in pgvector's binary form, as a parameter: `indexer.catalog.postgresql.driver` sends it as it is."""

    __slots__ = ()


class _HalfVector(UserDefinedType[bytes]):
    """A vector on PostgreSQL: pgvector's `halfvec`. In Python it is the same bytes as on SQLite."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's name; without a length, for encoders differ."""
        return "halfvec"

    def bind_processor(self, dialect: Dialect) -> Any:
        """Return what turns stored bytes into a parameter."""
        return lambda value: None if value is None else HalfVectorBytes(to_half_vector(value))

    def column_expression(self, colexpr: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the expression that reads a column: its binary form, exact and shorter than text."""
        return func.halfvec_send(colexpr, type_=self)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Return what turns pgvector's binary form into stored bytes."""
        return lambda value: None if value is None else from_half_vector(value)


def without_nul(text: str) -> str:
    """Return a text with each NUL replaced by U+FFFD, as PostgreSQL stores it."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def to_half_vector(stored: bytes) -> bytes:
    """Return a vector of little-endian float16 in pgvector's binary form: its length, zero, and big-endian numbers."""
    numbers = np.frombuffer(stored, dtype="<u2")
    return len(numbers).to_bytes(2, "big") + b"\0\0" + numbers.byteswap().tobytes()


def from_half_vector(sent: bytes) -> bytes:
    """Return a vector from pgvector's binary form as little-endian float16."""
    return np.frombuffer(sent, dtype="<u2", offset=4).byteswap().tobytes()


NUMBER = Integer().with_variant(BigInteger(), "postgresql")
"""An id, a size in bytes or a time in nanoseconds."""

TEXT = String().with_variant(_TextWithoutNul(), "postgresql")
"""A text that is compared by its characters."""

LABEL = String(collation="NOCASE").with_variant(_TextWithoutNul(), "postgresql")
"""A text that is compared without the case of ASCII letters: by the collation, or by `constructs.folded`."""

VECTOR = LargeBinary().with_variant(_HalfVector(), "postgresql")
"""An embedding: little-endian float16."""
