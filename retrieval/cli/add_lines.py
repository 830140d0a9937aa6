"""Adds the items of JSON lines to a library."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
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
        columns = _Columns(chain([following], part))
        names = {"images": "picture", **_FIELDS} if has_pictures else _FIELDS
        report.include(
            library.add(
                **{name: columns.column(attribute) for name, attribute in names.items()},
                collection=collection,
                on_conflict=on_conflict,
                keep=keep,
                wait=None,
                progress=progress,
            ),
            columns.numbers,
        )
    report.failures = sorted([*lines.failures, *report.failures], key=lambda failure: failure.line)
    return report


class _Columns:
    """The columns of lines, read together: each line is in memory until every column has yielded it."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._waiting: dict[str, deque[Any]] = {}
        self.numbers = array("q")

    def column(self, attribute: str) -> Iterator[Any]:
        """Return the values of an attribute; all columns must be made before one is read."""
        values = self._waiting.setdefault(attribute, deque())

        def read() -> Iterator[Any]:
            while values or self._read():
                yield values.popleft()

        return read()

    def _read(self) -> bool:
        """Read a line, and return whether there was one."""
        line = next(self._lines, None)
        if line is None:
            return False
        self.numbers.append(line.number)
        for attribute, values in self._waiting.items():
            values.append(getattr(line, attribute))
        return True
