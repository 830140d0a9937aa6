"""The result of a search for duplicates: groups of photos, and the best photo of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from indexer.catalog.statements.duplicates import PhotoFile
from indexer.types import with_offset
from retrieval.duplicates.pixel_compare import PixelComparison, Verdict

WHOLE = 0.97
"""A larger share of a picture is the whole picture: placements are not more exact."""

_MAX_UNTOUCHED = 0.01
"""Share of blocks that may look changed in a picture without an overlay."""

_SMALLER = 0.9
"""A photo is smaller if it has less than this share of the other's pixels in the common part."""

_BORDER_TOLERANCE = 0.03
"""Uncertainty of a border's position, as a share of the picture."""


@dataclass(frozen=True, slots=True)
class DuplicatePhoto:
    """One photo of a group.

    Attributes:
        item_id: Id of the item in the catalog.
        path: Path of its file; of an added item "collection:" and the name of its collection.
        how: How it differs from the best photo of its group, for people: "copy", "smaller", "crop", "rotated", …;
            "best" for the best photo itself.
        width: Width in pixels, upright.
        height: Height in pixels, upright.
        bytes: Size of the file.
        format: File format, for instance "JPEG".
        taken_at: Time of the photo, local time of the camera.
        utc_offset: Minutes by which `taken_at` is ahead of UTC; None if the metadata does not say.
        reclaimable_bytes: Bytes that are freed if the file is deleted: 0 if it has other names (hard links), and for an
            added item, which has no file.
        id: The id of an added item; else its path.
        collection: The collection of an added item; None for a file.
    """

    item_id: int
    path: Path
    how: str
    width: int
    height: int
    bytes: int
    format: str | None
    taken_at: datetime | None
    utc_offset: int | None = None
    reclaimable_bytes: int = 0
    id: str = ""
    collection: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the photo as values for JSON."""
        return {
            "path": str(self.path),
            "id": self.id,
            "collection": self.collection,
            "how": self.how,
            "item_id": self.item_id,
            "width": self.width,
            "height": self.height,
            "bytes": self.bytes,
            "reclaimable_bytes": self.reclaimable_bytes,
            "format": self.format,
            "taken_at": with_offset(self.taken_at, self.utc_offset).isoformat() if self.taken_at else None,
        }


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Photos that show the same picture.

    Attributes:
        best: A file rather than an added item; then the photo with the most pixels, then the most metadata, then the
            most bytes, then the shortest name. A photo that has nothing which another lacks is never the best: one with
            a plain border, and, without more metadata than the other, an enlarged one, a lossless copy of a lossy file
            or a lossy one of a lossless file.
        others: The other photos, best first. No photo is the same file as another, and none is a symbolic link.
    """

    best: DuplicatePhoto
    others: tuple[DuplicatePhoto, ...]

    def to_dict(self) -> dict[str, object]:
        """Return the group as values for JSON."""
        return {"best": self.best.to_dict(), "others": [photo.to_dict() for photo in self.others]}


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The result of `Library.duplicates`.

    Attributes:
        groups: The groups, by the path of their best photo.
        failures: Photos that could not be compared, with the reason, by path.
    """

    groups: tuple[DuplicateGroup, ...]
    failures: tuple[tuple[Path, str], ...]


class DisjointSets:
    """Groups of items as a union-find forest, in which the root of a group is its smallest item."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def root(self, item: int) -> int:
        """Return the smallest item of the group that contains an item."""
        root = item
        while (parent := self._parents.get(root, root)) != root:
            root = parent
        while (parent := self._parents.get(item, item)) != root:
            self._parents[item] = root
            item = parent
        return root

    def join(self, one: int, other: int) -> None:
        """Join the groups of two items."""
        low, high = sorted((self.root(one), self.root(other)))
        self._parents.setdefault(low, low)
        self._parents[high] = low

    def groups(self) -> list[list[int]]:
        """Return the items of each group, ascending."""
        groups: dict[int, list[int]] = {}
        for item in sorted(self._parents):
            groups.setdefault(self.root(item), []).append(item)
        return list(groups.values())


def best_first(files: Iterable[PhotoFile], names: Mapping[int, int]) -> list[PhotoFile]:
    """Return files by pixels, then metadata, then bytes, most first.

    Of equal files the one with the most names (hard links) comes first, since deleting one of its names would free
    nothing; then the one with the shortest name ("IMG_1.jpg" before "IMG_1 (2).jpg"), then the first path.

    Args:
        files: Files, each once.
        names: Number of names of each file, by item id; 0 for a symbolic link.
    """

    def order(file: PhotoFile) -> tuple[int, int, int, int, int, str]:
        pixels, name = file.width * file.height, Path(file.path).name
        return -pixels, -file.metadata_count, -file.size, -names[file.item_id], len(name), file.path

    return sorted(files, key=order)


def is_bordered(comparison: PixelComparison, content_share: float) -> bool:
    """Return whether one picture is another with only a plain border around it.

    Args:
        comparison: Comparison of the one with the other.
        content_share: Share of the one that is not a plain border.
    """
    is_inside = comparison.shares[1] >= WHOLE and comparison.shares[0] < WHOLE
    fits = content_share <= comparison.shares[0] + _BORDER_TOLERANCE
    return comparison.verdict is Verdict.SAME and is_inside and fits


def describe_difference(best: PhotoFile, other: PhotoFile, comparison: PixelComparison | None) -> str:
    """Return in words how a photo differs from the best of its group.

    Args:
        best: The best photo.
        other: The photo.
        comparison: Comparison of the best with the photo; None if one of them cannot be read.
    """
    if comparison is None or comparison.verdict is not Verdict.SAME:
        return "like another of the group"  # for instance two crops with a small common part: both are like the whole
    words = []
    if comparison.orientation >= 4:
        words.append("mirrored")
    if comparison.orientation % 4:
        words.append("rotated")
    if comparison.shares[0] < WHOLE:
        words.append("crop")
    if comparison.shares[1] < WHOLE:
        words.append("uncropped")
    if comparison.changed > _MAX_UNTOUCHED:
        words.append("with overlay")
    if other.width * other.height * comparison.shares[1] < _SMALLER * best.width * best.height * comparison.shares[0]:
        words.append("smaller")
    return ", ".join(words) or "re-encoded"
