"""Types and small functions that every layer uses: arrays, preprocessing, progress, times and paths of items."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Union

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # most commands need no image library
    from PIL import Image

Vectors = NDArray[np.float32]
"""Row vectors, shape (n, d), float32; unit length unless a docstring says otherwise."""

Ids = NDArray[np.int64]
"""Integer ids, int64; -1 means none."""

FilterMatches = tuple[float, Ids | None]
"""The share of a library's units that passes a filter, estimated, 0 to 1; the ids of their embeddings if listed."""

Pixels = NDArray[np.uint8]
"""RGB pictures at the encoder's size, shape (n, height, width, 3), values 0 to 255."""

PictureInput = Union[str, os.PathLike[str], bytes, "Image.Image", NDArray[np.uint8]]
"""A picture from an app: a path, the bytes of a file, a Pillow picture, or a uint8 array of shape (height, width, 3) or
(height, width)."""

TIME_LIMIT_NS = 2**63
"""Nanoseconds before and after 1970 that the catalog can store: from 1677 to 2262."""

ResizeMode = Literal["shortest", "longest", "squash"]
Interpolation = Literal["bicubic", "bilinear"]


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How a picture is turned into the square that an encoder reads; the terms are open_clip's.

    Attributes:
        size: Side of the square in pixels.
        resize_mode: "shortest" scales the shorter side to `size` and crops the centre; "longest" scales the longer
            side and pads with `fill`; "squash" scales both sides and changes the aspect ratio.
        interpolation: Resampling filter.
        mean: Mean per channel, subtracted from values scaled to 0..1.
        std: Standard deviation per channel, divided by after that.
        fill: Grey value of padding, 0 to 255.
    """

    size: int
    resize_mode: ResizeMode = "shortest"
    interpolation: Interpolation = "bicubic"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    fill: int = 0


class Modality(StrEnum):
    """Kind of content of an item or unit."""

    PHOTO = "photo"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a long operation.

    Attributes:
        stage: Current stage in one or two words ("scanning", "indexing").
        done: Steps done so far.
        total: Number of steps, or None while it is unknown.
    """

    stage: str
    done: int
    total: int | None = None


ProgressCallback = Callable[[Progress], None]
"""Called many times a second from the thread that runs the operation; it should return at once."""


def utc_now() -> datetime:
    """Return the current time in UTC, to the second, without a time zone: the form in which the catalog stores it."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def with_offset(time: datetime, minutes: int | None) -> datetime:
    """Return a camera's local time with its time zone; without one if it is not known.

    Args:
        time: Without a time zone.
        minutes: How far it is ahead of UTC; None if the metadata does not say.
    """
    return time if minutes is None else time.replace(tzinfo=timezone(timedelta(minutes=minutes)))


def isin_sorted(ids: Ids, ascending: Ids) -> NDArray[np.bool_]:
    """Return for each id whether it is in a sorted array, shape (n,).

    A binary search per id. `np.isin` reads the whole array, which takes 10 ms for the million ids of an index.

    Args:
        ids: Shape (n,), in any order.
        ascending: The array that is searched, shape (m,), ascending.
    """
    positions = np.searchsorted(ascending, ids)
    is_member = np.zeros(len(ids), dtype=bool)
    in_range = positions < len(ascending)
    is_member[in_range] = ascending[positions[in_range]] == np.asarray(ids)[in_range]
    return is_member


def require_list(values: object, name: str) -> None:
    """Refuse one string, path or bytes object where a list is expected: its letters would be taken for the values.

    Raises:
        TypeError: It is one.
    """
    if isinstance(values, str | bytes | os.PathLike):
        raise TypeError(f"{name} is {values!r}; expected a list, for instance [{values!r}]")


def require_pixels(pixels: object) -> None:
    """Refuse what is no array of pictures, for instance a path.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(pixels, np.ndarray):
        expected = "expected an array of shape (n, height, width, 3), for instance of indexer.images.read_pixels"
        raise TypeError(f"pixels is {pixels!r}; {expected}")


def is_below(path: str, folder: str) -> bool:
    """Return whether an absolute path is inside a folder, at any depth; a folder is not inside itself."""
    return path != folder and path.startswith(folder.rstrip(os.sep) + os.sep)


def stored_mtime(status: os.stat_result) -> int:
    """Return a file's modification time as the catalog stores it, in nanoseconds since 1970."""
    return stored_times(status)[0]


def stored_times(status: os.stat_result) -> tuple[int, int]:
    """Return a file's modification time and change time as the catalog stores them, in nanoseconds since 1970.

    File systems allow times outside the catalog's range, and wrong clocks produce them; they are clipped to the range.
    Every change of a file's content or attributes sets the change time, also if the modification time is set back. On
    Windows it is the time at which the file was created.
    """
    mtime_ns, ctime_ns = status.st_mtime_ns, status.st_ctime_ns
    if -TIME_LIMIT_NS <= mtime_ns < TIME_LIMIT_NS and -TIME_LIMIT_NS <= ctime_ns < TIME_LIMIT_NS:
        return mtime_ns, ctime_ns  # a walk calls this for every file
    return _clipped(mtime_ns), _clipped(ctime_ns)


def _clipped(time_ns: int) -> int:
    return max(-TIME_LIMIT_NS, min(time_ns, TIME_LIMIT_NS - 1))


def is_unchanged(status: os.stat_result, size: int, mtime_ns: int, ctime_ns: int | None = None) -> bool:
    """Return whether a file still has the size and the times that the catalog stores for it; None is not compared."""
    times = stored_times(status)
    return status.st_size == size and times[0] == mtime_ns and ctime_ns in (None, times[1])


def file_of(path: str, picture: str | None = None) -> str:
    """Return the file of an item; for a table row that is its picture if it has one, else the table."""
    return picture or path.partition("\0")[0]


COLLECTION = "collection:"
"""What the paths of added items begin with, where those of other items begin with a folder."""


def collection_of(path: str) -> str | None:
    """Return the collection of an added item, or None for other items.

    The path of an added item is "collection:", the collection's name, a NUL and the item's id.
    """
    return path.partition("\0")[0].removeprefix(COLLECTION) if path.startswith(COLLECTION) else None


def added_path(collection: str, id_: str) -> str:
    """Return the path of an added item."""
    return f"{COLLECTION}{collection}\0{id_}"


def row_of(path: str) -> str | None:
    """Return the label of a table row, unique within its table, or None if the item is not a row.

    The path of a row is the table's path, a NUL and the row's id. If the id is missing or used twice, another NUL and
    the row number follow.
    """
    _, _, key = path.partition("\0")
    id_, has_number, number = key.partition("\0")
    if not key:
        return None
    if not has_number:
        return id_
    return f"{id_} (row {number})" if id_ else f"row {number}"


_MAX_PLACES = 8
"""Places in an id at which a row's id may begin, at most."""


def item_id(path: str) -> str:
    """Return what names an item for apps, given its path in the catalog.

    That is the id of an added item, the path of a file, and the table's path, # and the row's id for a table's row.
    """
    return path.partition("\0")[2] if collection_of(path) is not None else path.replace("\0", "#")


def paths_of_id(id_: str) -> list[str]:
    """Return the paths in the catalog that an item that no app added may have, given what `item_id` returns for it."""
    places = [place for place, letter in enumerate(id_) if letter == "#"][-_MAX_PLACES:]
    rows = [f"{id_[:place]}\0{id_[place + 1 :]}" for place in places]  # the row's id may have a #, too
    head, _, number = id_.rpartition("#")
    numbered = [f"{row}\0{number}" for row in paths_of_id(head)[1:]] if number.isdecimal() and head else []
    return [id_, *rows, *numbered]
