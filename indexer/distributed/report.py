"""The report of embedding a source into parts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

MAX_LISTED = 100
"""Folders and files in a report, at most."""


@dataclass(slots=True)
class PartsReport:
    """What was embedded.

    Attributes:
        place: The folder or URL that has the parts.
        parts: Parts that the source has; of a share, those in it.
        existing: Parts that were complete already.
        written: Parts that were written.
        removed: Parts that were deleted, because the source has fewer files now.
        items: Photos and texts that were embedded.
        failed: Files that cannot be read; the parts record them with the reason, and so does who imports them.
        unreadable: The first folders and files that cannot be listed, at most `MAX_LISTED`.
        total_seconds: Seconds from start to end.
    """

    place: str
    parts: int = 0
    existing: int = 0
    written: int = 0
    removed: int = 0
    items: int = 0
    failed: int = 0
    unreadable: list[str] = field(default_factory=list)
    total_seconds: float = 0.0

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-compatible values; seconds are rounded to milliseconds."""
        return asdict(self) | {"total_seconds": round(self.total_seconds, 3)}
