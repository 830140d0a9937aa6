"""Values that every layer shares."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Row vectors, shape (n, d), float32; unit length unless a docstring says otherwise."""

Ids = NDArray[np.int64]
"""Integer keys, int64; -1 where there is none."""

Pixels = NDArray[np.uint8]
"""RGB pictures at the encoder's size, shape (n, height, width, 3), values 0 to 255."""


_TIMES = 2**63
"""Nanoseconds before and after 1970 that the catalog can keep: from 1677 to 2262."""

ResizeMode = Literal["shortest", "longest", "squash"]
Interpolation = Literal["bicubic", "bilinear"]


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How a picture becomes the square that an encoder reads; the words are open_clip's.

    Attributes:
        size: Side of the square in pixels.
        resize_mode: "shortest" scales the shorter side to `size` and cuts the centre; "longest" scales the longer
            side and pads with `fill`; "squash" scales both sides and does not keep their ratio.
        interpolation: Filter of the scaling.
        mean: Per channel, subtracted from values scaled to 0..1.
        std: Per channel, divided by after that.
        fill: Grey value of padding, 0 to 255.
    """

    size: int
    resize_mode: ResizeMode = "shortest"
    interpolation: Interpolation = "bicubic"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    fill: int = 0


class Modality(StrEnum):
    """What an item or a unit is made of."""

    PHOTO = "photo"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long operation has come.

    Attributes:
        stage: What is being done, one or two words for people ("scanning", "indexing").
        done: Steps done so far.
        total: Steps in all, or None while that is not known.
    """

    stage: str
    done: int
    total: int | None = None


ProgressCallback = Callable[[Progress], None]
"""Called from the thread that runs the operation, many times a second: it should return at once."""


def utc_now() -> datetime:
    """Return the current time in UTC, to the second, without a time zone: the form in which the catalog stores it."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def isin_sorted(ids: Ids, ascending: Ids) -> NDArray[np.bool_]:
    """Return which of some ids are among others, shape (n,).

    `np.isin` looks at all of the others, which takes 10 ms where they are the million ids of an index.

    Args:
        ids: Shape (n,), in any order.
        ascending: The others, shape (m,), ascending.
    """
    places = np.searchsorted(ascending, ids)
    found = np.zeros(len(ids), dtype=bool)
    inside = places < len(ascending)
    found[inside] = ascending[places[inside]] == np.asarray(ids)[inside]
    return found


def is_below(path: str, folder: str) -> bool:
    """Return whether an absolute path lies in a folder; the folder itself does not."""
    return path != folder and path.startswith(folder.rstrip(os.sep) + os.sep)


def stored_mtime(facts: os.stat_result) -> int:
    """Return when a file was changed as the catalog keeps it, in nanoseconds since 1970.

    File systems know earlier and later times than it can keep, and damaged clocks give them: the nearest is taken.
    """
    time_ns = facts.st_mtime_ns
    return time_ns if -_TIMES <= time_ns < _TIMES else max(-_TIMES, min(time_ns, _TIMES - 1))


def is_unchanged(facts: os.stat_result, size: int, mtime_ns: int) -> bool:
    """Return whether a file has the size and the time that the catalog keeps of it: then it is as it was indexed."""
    return (facts.st_size, stored_mtime(facts)) == (size, mtime_ns)


def file_of(path: str, picture: str | None = None) -> str:
    """Return the file of an item: of a table's row its picture, else the table."""
    return picture or path.partition("\0")[0]


def row_of(path: str) -> str | None:
    """Return what tells a row apart from the others of its table, None where an item is no row.

    Behind its table and a NUL, a row's path has its id; one without an id of its own has another NUL and its number.
    """
    _, _, key = path.partition("\0")
    id_, numbered, number = key.partition("\0")
    if not key:
        return None
    if not numbered:
        return id_
    return f"{id_} (row {number})" if id_ else f"row {number}"
