"""Reports of exports and imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        folder: The folder of the export.
        items: Number of items.
        vectors: Number of embeddings, of all encoders.
        skipped: Damaged embeddings, or items that the format cannot represent; the log says which it was.
        bytes: Total size of the files.
        words: Number of private words.
        judgements: Number of judgements.
        versions: Number of adapters.
        left_out: How many there are of what the format cannot hold, by name, for instance "private words".
    """

    folder: Path
    items: int = 0
    vectors: int = 0
    skipped: int = 0
    bytes: int = 0
    words: int = 0
    judgements: int = 0
    versions: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class ImportReport:
    """What an import did; the first four counts add up to the items of the export.

    Attributes:
        added: Items that the library did not have.
        replaced: Items that the library had at the same path and that were replaced.
        existing: Items that the library had at the same path and that were kept.
        failed: Items that the export records as failed, added or replaced; `recall status --failed` has the reasons.
            And items whose path is too long for the library, which are left out; the log names them.
        normalized: Vectors that were scaled to unit length.
        words: Private words that the library did not have.
        judgements: Judgements that the library did not have.
        versions: Adapters that the library did not have.
        incomplete: Parts of the place that have no manifest, because they are not written to the end; nothing of them
            was imported.
        sources: Folders on this machine that the items belong to.
        total_seconds: Seconds from start to end.
    """

    added: int = 0
    replaced: int = 0
    existing: int = 0
    failed: int = 0
    normalized: int = 0
    words: int = 0
    judgements: int = 0
    versions: int = 0
    incomplete: int = 0
    sources: list[str] = field(default_factory=list)
    total_seconds: float = 0.0
