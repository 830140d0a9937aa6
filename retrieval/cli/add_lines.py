"""Adds the items of JSON lines to a library."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain, tee
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from retrieval.cli.item_lines import ItemLines, Line, LineFailure

if TYPE_CHECKING:
    from indexer.adding import AddReport, OnConflict
    from indexer.images import Keep
    from indexer.types import ProgressCallback
    from retrieval import Library

_FIELDS = {"ids": "id", "texts": "text", "vectors": "vector", "uris": "uri", "metadata": "metadata"}
"""The arguments of `Library.add`, and the fields of a line."""


@dataclass(slots=True)
class LineReport:
    """What was done with the lines of a file.

    Attributes:
        ids: The ids of the items, in the order of their lines.
        added: New items.
        replaced: Items that took the place of one with the same id.
        unchanged: Items that the library had already.
        failures: Lines that were not used.
        seconds: Duration.
    """

    ids: list[str] = field(default_factory=list)
    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    failures: list[LineFailure] = field(default_factory=list)
    seconds: float = 0.0

    def include(self, report: AddReport, numbers: array[int]) -> None:
        """Count what one call of `Library.add` did with the lines that have these numbers."""
        failed = {failure.position for failure in report.failures}
        self.ids += [id_ for position, id_ in enumerate(report.ids) if position not in failed]
        self.added += report.added
        self.replaced += report.replaced
        self.unchanged += report.unchanged
        self.seconds += report.seconds
        self.failures += [LineFailure(numbers[each.position], each.id, each.message) for each in report.failures]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as values for JSON."""
        return asdict(self) | {"failed": len(self.failures)}


def add_lines(
    library: Library,
    lines: ItemLines,
    *,
    collection: str,
    on_conflict: OnConflict,
    keep: Keep,
    progress: ProgressCallback,
) -> LineReport:
    """Add the items of all lines, and return a report.

    Lines before the first picture are added apart, so that vectors and texts need no decoder.
    """
    report, rest = LineReport(), iter(lines)
    first: list[Line] = []

    def before_pictures() -> Iterator[Line]:
        for line in rest:
            if line.picture is not None:
                first.append(line)
                return
            yield line

    for part, has_pictures in ((before_pictures(), False), (chain(first, rest), True)):
        following = next(part, None)
        if following is None:
            continue
        numbers = array("q")
        names = {"images": "picture", **_FIELDS} if has_pictures else _FIELDS
        copies = tee(_numbered(chain([following], part), numbers), len(names))
        columns: dict[str, Any] = {
            name: map(attrgetter(attribute), copy)
            for (name, attribute), copy in zip(names.items(), copies, strict=True)
        }
        report.include(
            library.add(
                **columns, collection=collection, on_conflict=on_conflict, keep=keep, wait=None, progress=progress
            ),
            numbers,
        )
    report.failures = sorted([*lines.failures, *report.failures], key=lambda failure: failure.line)
    return report


def _numbered(lines: Iterable[Line], numbers: array[int]) -> Iterator[Line]:
    """Yield lines, and write down their numbers."""
    for line in lines:
        numbers.append(line.number)
        yield line
