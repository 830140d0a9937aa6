"""Report of an export."""

from __future__ import annotations

from dataclasses import dataclass
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
    """

    folder: Path
    items: int = 0
    vectors: int = 0
    skipped: int = 0
    bytes: int = 0
