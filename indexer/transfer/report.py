"""What an export wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        folder: Where it lies.
        items: How many items.
        vectors: How many embeddings, of all encoders.
        skipped: What the layout cannot hold, and embeddings that are damaged; a line in the log says which it was.
        bytes: Size of all files.
    """

    folder: Path
    items: int = 0
    vectors: int = 0
    skipped: int = 0
    bytes: int = 0
