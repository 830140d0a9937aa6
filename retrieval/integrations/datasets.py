"""Data sets of Hugging Face into a library: tables and streams of the package `datasets`."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from datetime import time as time_of_day
from itertools import tee
from typing import TYPE_CHECKING, Any

from indexer.catalog.filters.metadata import date_text
from indexer.errors import AddError
from indexer.types import require_list

if TYPE_CHECKING:
    from indexer.adding import AddReport, OnConflict
    from indexer.images import Keep
    from indexer.types import ProgressCallback
    from retrieval.library import Library

logger = logging.getLogger(__name__)

_Row = Mapping[str, Any]


def add_dataset(
    library: Library,
    dataset: Any,
    *,
    image: str | None = "image",
    text: str | None = None,
    id: str | None = None,  # noqa: A002  what the column is
    metadata: Sequence[str] | None = None,
    uri: str | None = None,
    collection: str = "default",
    on_conflict: OnConflict = "replace",
    keep: Keep = "preview",
    wait: float | None = 30.0,
    progress: ProgressCallback | None = None,
) -> AddReport:
    """Add the rows of a data set to a library, and return the report of `Library.add`.

    Rows are read one after the other, so the data set may be a stream, or larger than the memory. `datasets` is asked
    for the files or bytes of the pictures only; the library's worker processes decode them.

    Args:
        library: An open library.
        dataset: A `Dataset` or an `IterableDataset`, or another iterable of rows, which are mappings.
        image: Column with pictures: of the type `Image`, or with paths or bytes. None if there is none.
        text: Column with texts, or with lists of texts, which become the lines of one.
        id: Column with ids; numbers become text. None takes the SHA-256 of the content.
        metadata: Columns that become metadata. A `ClassLabel` is stored as its name, a date or time as text (ISO 8601).
        uri: Column that says where a row is from.
        collection: As in `Library.add`, like the others below.
        on_conflict: What becomes of an item whose id the collection has.
        keep: What is stored of pictures.
        wait: Seconds that each batch waits for another writer.
        progress: Called after each batch.

    Raises:
        AddError: A column does not exist, the data set has several splits, or an id occurs twice.
        LibraryLockedError: Another process is writing to the library.
    """
    require_list(metadata, "metadata")
    names = [] if metadata is None else list(metadata)
    features = _features(dataset, [name for name in (image, text, id, uri, *names) if name is not None])
    labels = {name: _label_names(features.get(name)) for name in names}
    values: dict[str, Callable[[_Row], Any]] = {}
    if image is not None:
        values["images"] = lambda row: _picture(row[image])
    if text is not None:
        values["texts"] = lambda row: _text(row[text])
    if id is not None:
        values["ids"] = lambda row: _as_text(row[id])
    if uri is not None:
        values["uris"] = lambda row: _as_text(row[uri])
    if names:
        values["metadata"] = lambda row: {name: _metadata(row[name], labels[name]) for name in names}
    columns = _columns(_undecoded(dataset, image, features), values)
    return library.add(
        **columns, collection=collection, on_conflict=on_conflict, keep=keep, wait=wait, progress=progress
    )


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that is read once, whose number of rows is known."""

    values: Iterator[Any]
    count: int

    def __iter__(self) -> Iterator[Any]:
        return self.values

    def __len__(self) -> int:
        return self.count


def _columns(rows: Any, values: Mapping[str, Callable[[_Row], Any]]) -> dict[str, Any]:
    """Return the columns to add; `Library.add` reads them in step, so that one row is in memory."""
    count = len(rows) if hasattr(rows, "__len__") else None
    streams = tee(rows, len(values))
    columns: dict[str, Any] = {
        name: map(value, stream) for (name, value), stream in zip(values.items(), streams, strict=True)
    }
    first = next((name for name in ("images", "texts") if name in columns), None)
    if count is not None and first is not None:
        columns[first] = _Column(columns[first], count)  # it tells the progress what is to come
    return columns


def _features(dataset: Any, columns: Sequence[str]) -> Mapping[str, Any]:
    """Return the types of a data set's columns by name; none if nothing says which it has.

    Raises:
        AddError: A column does not exist, or the data set is a `DatasetDict`.
    """
    if isinstance(dataset, Mapping):
        splits = ", ".join(map(repr, dataset))
        raise AddError(f"the data set has the splits {splits}; choose one, for instance dataset['train']")
    features: Mapping[str, Any] = getattr(dataset, "features", None) or {}
    for name in columns:
        if features and name not in features:
            raise AddError(f"the data set has no column {name!r}; expected one of {', '.join(map(repr, features))}")
    return features


def _undecoded(dataset: Any, image: str | None, features: Mapping[str, Any]) -> Any:
    """Return a data set whose rows have plain Python values, and files or bytes in place of decoded pictures."""
    if hasattr(dataset, "with_format"):
        dataset = dataset.with_format(None)
    if type(features.get(image or "")).__name__ != "Image":
        return dataset
    from datasets import Image  # late: another iterable needs no package

    return dataset.cast_column(image, Image(decode=False))


def _picture(value: Any) -> Any:
    """Return a picture for `Library.add`: of an undecoded one its bytes or its path."""
    if not isinstance(value, Mapping):
        return value
    if value.get("bytes") is not None:
        return value["bytes"]
    path = value.get("path")
    return _remote_bytes(path) if isinstance(path, str) and ("://" in path or "::" in path) else path


def _remote_bytes(path: str) -> bytes | str:
    """Return the bytes at an address of a stream, or in an archive; the address if it cannot be read."""
    from datasets.download.streaming_download_manager import xopen  # late, as above

    try:
        with xopen(path, "rb") as file:
            content: bytes = file.read()
            return content
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read: %s", path, error)
        return path


def _text(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return "\n".join(str(text) for text in value if text is not None)
    return value


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value


def _metadata(value: Any, labels: Callable[[int], str] | None) -> Any:
    """Return a value as metadata can have it; what it cannot have stays, and becomes a failure in the report."""
    if isinstance(value, list | tuple):
        return [_metadata(element, labels) for element in value]
    if labels is not None and isinstance(value, int):
        return labels(value) if value >= 0 else None  # -1 is a label that is not known
    if isinstance(value, date):
        return date_text(value)
    if isinstance(value, time_of_day):
        return value.isoformat()
    return None if isinstance(value, float) and math.isnan(value) else value


def _label_names(feature: Any) -> Callable[[int], str] | None:
    """Return what gives the names of a `ClassLabel`, or of a list of them; None for other types."""
    inner = getattr(feature, "feature", feature)
    if isinstance(inner, list) and len(inner) == 1:
        inner = inner[0]
    names: Callable[[int], str] | None = getattr(inner, "int2str", None)
    return names
