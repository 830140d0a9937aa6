"""What an app gives to be added, item by item."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import AddError
from indexer.types import PictureInput, Vectors

_COLLECTION = re.compile(r"[^\W_][\w.-]*( [\w.-]+)*")

_MAX_COLLECTION_LENGTH = 100

_MISSING = object()


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to add, as the app gave it.

    Attributes:
        position: Its position among the given items, from 0.
        id: Its id; None for the hash of its content.
        picture: Its picture, or None.
        text: Its text, or None.
        vector: Its vector, or None.
        metadata: Its metadata, or None.
        uri: Where it is from, or None.
    """

    position: int
    id: Any = None
    picture: Any = None
    text: Any = None
    vector: Any = None
    metadata: Any = None
    uri: Any = None


def check_collection(name: object) -> str:
    """Return the name of a collection.

    Raises:
        AddError: It is no name: letters, digits, and inside it also . - _ and single spaces.
    """
    if isinstance(name, str) and len(name) <= _MAX_COLLECTION_LENGTH and _COLLECTION.fullmatch(name):
        return name
    raise AddError(
        f"the collection is called {name!r:.120}; expected a name of at most {_MAX_COLLECTION_LENGTH} letters, digits, "
        "'.', '-', '_' and single spaces that begins with a letter or digit"
    )


def new_items(
    *,
    images: Iterable[PictureInput | None] | None = None,
    texts: Iterable[str | None] | None = None,
    vectors: Vectors | Iterable[Sequence[float] | NDArray[Any] | None] | None = None,
    ids: Iterable[str | None] | None = None,
    metadata: Iterable[Mapping[str, Any] | None] | None = None,
    uris: Iterable[str | None] | None = None,
) -> tuple[Iterator[NewItem], int | None]:
    """Return the items that columns of values describe, and their number if any column has a length.

    Raises:
        AddError: None of images, texts and vectors is given, a column is a single value, the columns have different
            lengths, or an id occurs twice. Of iterators without a length the iterator raises it when it notices.
    """
    columns = {
        "images": images, "texts": texts, "vectors": vectors, "ids": ids, "metadata": metadata, "uris": uris,
    }  # fmt: skip
    given: dict[str, Any] = {name: values for name, values in columns.items() if values is not None}
    if not given.keys() & {"images", "texts", "vectors"}:
        raise AddError("nothing to add was given; expected images, texts or vectors")
    for name, values in given.items():
        _check_column(name, values)
    lengths = {name: len(values) for name, values in given.items() if hasattr(values, "__len__")}
    if len(set(lengths.values())) > 1:
        raise AddError(f"the columns have different lengths ({_listed(lengths)}); expected one value for each item")
    if hasattr(ids, "__len__"):
        _check_unique(ids)
    return _rows(given), next(iter(lengths.values()), None)


def _rows(columns: Mapping[str, Iterable[Any]]) -> Iterator[NewItem]:
    """Yield items, one from each row of the columns."""
    fields = {
        "images": "picture",
        "texts": "text",
        "vectors": "vector",
        "ids": "id",
        "metadata": "metadata",
        "uris": "uri",
    }
    iterators = {name: iter(values) for name, values in columns.items()}
    seen: set[Any] = set()
    position = 0
    while True:
        row = {name: next(iterator, _MISSING) for name, iterator in iterators.items()}
        ended = [name for name, value in row.items() if value is _MISSING]
        if len(ended) == len(row):
            return
        if ended:
            raise AddError(
                f"{', '.join(ended)} ended after {position:,} values, the other columns did not; expected one value "
                "for each item; the items before are added"
            )
        id_ = row.get("ids")
        if isinstance(id_, str):
            if id_ in seen:
                raise AddError(
                    f"the id {id_!r:.120} was given twice; expected different ids; the items before are added"
                )
            seen.add(id_)
        yield NewItem(position, **{fields[name]: value for name, value in row.items()})
        position += 1


def _check_column(name: str, values: Any) -> None:
    """Refuse a single value where one for each item is expected: its letters or rows would be taken for the values.

    Raises:
        AddError: It is one.
    """
    is_single = isinstance(values, str | bytes | bytearray | os.PathLike | Mapping) or not hasattr(values, "__iter__")
    dimensions = getattr(values, "ndim", None)
    if isinstance(dimensions, int):
        is_single |= dimensions == 1 and name == "vectors" and np.asarray(values).dtype != object
        is_single |= dimensions == 3 and name == "images"
    if is_single:
        raise AddError(f"{name} is one {type(values).__name__}; expected a list with one value for each item")


def _check_unique(ids: Any) -> None:
    seen: set[Any] = set()
    for id_ in ids:
        if isinstance(id_, str):
            if id_ in seen:
                raise AddError(f"the id {id_!r:.120} was given twice; expected different ids; nothing was added")
            seen.add(id_)


def _listed(lengths: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in lengths.items())
