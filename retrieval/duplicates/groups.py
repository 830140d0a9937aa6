"""Groups of photos that are one picture, and which of each is the best."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from indexer.catalog.statements.duplicates import PhotoFile
from indexer.types import with_offset
from retrieval.duplicates.pixel_compare import PixelComparison, Verdict

WHOLE = 0.97
"""Share of a picture from which on it is the whole of it: a placement is that exact."""

UNTOUCHED = 0.01
"""Share of the blocks that may look changed in a picture on which nothing was written."""

SMALLER = 0.9
"""Part of the pixels of what is common, below which a photo is a smaller one."""

BORDERED = 0.03
"""How exactly it is known where a border begins, as a share of the picture."""


@dataclass(frozen=True, slots=True)
class DuplicatePhoto:
    """One photo of a group.

    Attributes:
        item_id: The item in the catalog.
        path: Where its file is.
        how: What it is beside the best of its group, for people: "copy", "smaller", "crop", "turned", …; "best" of
            the best itself.
        width: Pixels across, upright.
        height: Pixels down, upright.
        bytes: Size of the file.
        format: For instance "JPEG".
        taken_at: When it was taken, local time of the camera.
        utc_offset: Minutes that `taken_at` is ahead of UTC; None if the metadata does not say.
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

    def to_dict(self) -> dict[str, object]:
        """Return the photo as values that json can write."""
        return {
            "path": str(self.path),
            "how": self.how,
            "item_id": self.item_id,
            "width": self.width,
            "height": self.height,
            "bytes": self.bytes,
            "format": self.format,
            "taken_at": with_offset(self.taken_at, self.utc_offset).isoformat() if self.taken_at else None,
        }


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Photos that are one picture.

    Attributes:
        best: The one with most pixels, then most bytes, then most metadata, then the shortest name; one that only has
            a plain border more than another comes last.
        others: The others, best first.
    """

    best: DuplicatePhoto
    others: tuple[DuplicatePhoto, ...]

    def to_dict(self) -> dict[str, object]:
        """Return the group as values that json can write."""
        return {"best": self.best.to_dict(), "others": [photo.to_dict() for photo in self.others]}


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What `Library.duplicates` found.

    Attributes:
        groups: By the path of the best.
        failures: Photos that could not be compared, with the reason, by path.
    """

    groups: tuple[DuplicateGroup, ...]
    failures: tuple[tuple[Path, str], ...]


class Linked:
    """Which photos belong together: a forest in which each points towards the smallest of its group."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def of(self, item: int) -> int:
        """Return the smallest item of the group that an item is in."""
        root = item
        while (above := self._above.get(root, root)) != root:
            root = above
        while (above := self._above.get(item, item)) != root:
            self._above[item] = root
            item = above
        return root

    def join(self, one: int, other: int) -> None:
        """Make the groups of two items one."""
        low, high = sorted((self.of(one), self.of(other)))
        self._above.setdefault(low, low)
        self._above[high] = low

    def groups(self) -> list[list[int]]:
        """Return the items of each group, ascending."""
        found: dict[int, list[int]] = {}
        for item in sorted(self._above):
            found.setdefault(self.of(item), []).append(item)
        return list(found.values())


def best_first(files: Iterable[PhotoFile]) -> list[PhotoFile]:
    """Return files by pixels, then bytes, then metadata, most first; each path once.

    Of equal ones the shortest name comes first, which "IMG_1 (2).jpg" is not, and then the first path.
    """
    once = {file.path: file for file in sorted(files, key=lambda file: -file.item_id)}

    def order(file: PhotoFile) -> tuple[int, int, int, int, str]:
        return -file.width * file.height, -file.size, -file.metadata_count, len(Path(file.path).name), file.path

    return sorted(once.values(), key=order)


def frames(found: PixelComparison, filled: float) -> bool:
    """Return whether one picture is another with nothing but a plain border around it.

    Args:
        found: How the one compares with the other.
        filled: What share of the one is no plain border.
    """
    within = found.shares[1] >= WHOLE and found.shares[0] < WHOLE
    return found.verdict is Verdict.SAME and within and filled <= found.shares[0] + BORDERED


def shown(file: PhotoFile, how: str) -> DuplicatePhoto:
    """Return a file as a member of a group."""
    return DuplicatePhoto(
        file.item_id,
        Path(file.path),
        how,
        file.width,
        file.height,
        file.size,
        file.format,
        file.taken_at,
        file.utc_offset,
    )


def how_it_differs(best: PhotoFile, other: PhotoFile, found: PixelComparison | None) -> str:
    """Return in words what a photo is beside the best of its group, by how the two compare."""
    if found is None or found.verdict is not Verdict.SAME:
        return "like another of the group"  # for instance two crops that share little: both are like the whole
    words = []
    if found.turn >= 4:
        words.append("mirrored")
    if found.turn % 4:
        words.append("turned")
    if found.shares[0] < WHOLE:
        words.append("crop")
    if found.shares[1] < WHOLE:
        words.append("with more around it")
    if found.changed > UNTOUCHED:
        words.append("written over")
    if other.width * other.height * found.shares[1] < SMALLER * best.width * best.height * found.shares[0]:
        words.append("smaller")
    return ", ".join(words) or "same picture in another file"
