"""Checks of the values of one item: id, text, vector, metadata and URI."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from indexer.catalog.filters.metadata import date_text
from indexer.documents.text_file import MAX_TEXT_BYTES
from indexer.errors import FailureKind, ItemError
from indexer.types import Vectors

MAX_ID_LENGTH = 1000
"""Characters of an id, at most."""

_MAX_ID_BYTES = 2000
"""Bytes of an id, at most: an index of PostgreSQL holds 2,600, of which the collection's name may take 500."""

_MAX_KEY_LENGTH = 200

_MAX_METADATA_BYTES = 1 << 20
"""Characters of an item's metadata, at most."""

_MAX_INT = 2**63


def check_id(id_: object) -> str | None:
    """Return an id, None for none.

    Raises:
        ItemError: It is no text, empty, too long, or has characters that cannot be stored.
    """
    if id_ is None:
        return None
    if not isinstance(id_, str):
        raise ItemError(FailureKind.BAD_ID, f"the id is {id_!r:.120}; expected a str")
    if not id_ or len(id_) > MAX_ID_LENGTH:
        message = f"the id has {len(id_):,} characters; expected 1 to {MAX_ID_LENGTH:,}"
        raise ItemError(FailureKind.BAD_ID, message)
    if "\0" in id_ or not _is_unicode(id_):
        raise ItemError(FailureKind.BAD_ID, f"the id {id_!r:.120} has a NUL or is not valid Unicode; change it")
    if len(id_.encode()) > _MAX_ID_BYTES:
        message = f"the id has {len(id_.encode()):,} bytes in UTF-8; expected {_MAX_ID_BYTES:,} at most"
        raise ItemError(FailureKind.BAD_ID, message)
    return id_


def check_text(name: str, text: object) -> str | None:
    """Return a text, None for none.

    Raises:
        ItemError: It is no text, too long, or not valid Unicode.
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise ItemError(FailureKind.NOT_TEXT, f"the {name} is a {type(text).__name__}; expected a str")
    if len(text) > MAX_TEXT_BYTES:
        message = f"the {name} has {len(text):,} characters; expected {MAX_TEXT_BYTES:,} at most"
        raise ItemError(FailureKind.TOO_LARGE, message)
    if not _is_unicode(text):
        raise ItemError(FailureKind.NOT_TEXT, f"the {name} is not valid Unicode: it has half of a surrogate pair")
    return text


def check_vector(vector: Any, dim: int) -> Vectors | None:
    """Return a vector at unit length, shape (dim,), float32; None for none.

    Raises:
        ItemError: It has another length, is zero, or holds something other than finite numbers.
    """
    if vector is None:
        return None
    try:
        values = np.asarray(vector, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ItemError(FailureKind.BAD_VECTOR, f"the vector is no list of numbers ({error})") from error
    if values.shape != (dim,):
        message = f"the vector has the shape {values.shape}; expected ({dim},), the length of the library's encoder"
        raise ItemError(FailureKind.BAD_VECTOR, message)
    length = math.sqrt(values @ values)
    if not 0 < length < math.inf:
        raise ItemError(
            FailureKind.BAD_VECTOR, "the vector is zero, or has numbers that are not finite (NaN, infinity)"
        )
    unit: Vectors = (values / length).astype(np.float32)
    return unit


def check_metadata(metadata: object) -> dict[str, Any]:
    """Return metadata as it is stored; lists are copied, dates become text, and numbers of NumPy Python's.

    Raises:
        ItemError: It is no flat mapping of str to str, int, float, bool, date, None or list of str, or too large.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise _bad(f"the metadata is a {type(metadata).__name__}; expected a mapping of str to values")
    values = {_key(key): _value(key, value) for key, value in metadata.items()}
    if sum(map(_size, values.values())) > _MAX_METADATA_BYTES:
        raise _bad(f"the metadata has more than {_MAX_METADATA_BYTES:,} characters; keep large values elsewhere")
    return values


def check_types(given: Mapping[str, str], types: Mapping[str, str]) -> None:
    """Refuse values of another type than their key has had so far.

    Args:
        given: The types of an item's values.
        types: The types so far.

    Raises:
        ItemError: One differs.
    """
    for key, type_ in given.items():
        if types.get(key, type_) != type_:
            raise _bad(
                f"the metadata {key!r} is a {type_}, but other items have a {types[key]}; expected that, or None"
            )


def _key(key: object) -> str:
    if not isinstance(key, str) or not 0 < len(key) <= _MAX_KEY_LENGTH or "\0" in key or not _is_unicode(key):
        raise _bad(f"the metadata has the key {key!r:.120}; expected a str of 1 to {_MAX_KEY_LENGTH} characters")
    return key


def _value(key: object, value: Any) -> Any:
    """Return a value of metadata as it is stored."""
    if isinstance(value, np.datetime64) and isinstance(value.item(), int):
        value = value.astype("datetime64[us]")  # of nanoseconds, which Python's times do not have
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, date):
        return None if value != value else date_text(value)  # noqa: PLR0124 - pandas' NaT, a missing time
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and _is_unicode(value):
        return str(value)
    if isinstance(value, int) and abs(value) < _MAX_INT:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, list | tuple) and all(isinstance(text, str) and _is_unicode(text) for text in value):
        return [str(text) for text in value]
    raise _bad(
        f"the metadata {key!r:.120} is {value!r:.120}; expected a str, int, float, bool, date, None or list of "
        "str, finite and below 2**63"
    )


def _size(value: Any) -> int:
    """Return about how many bytes a value takes."""
    if isinstance(value, list):
        return sum(len(text) + 1 for text in value)
    return len(value) if isinstance(value, str) else 8


def _bad(message: str) -> ItemError:
    return ItemError(FailureKind.BAD_METADATA, message)


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
