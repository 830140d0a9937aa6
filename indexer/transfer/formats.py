"""Formats of exports: the registry of what `recall export` writes and `recall import` reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from indexer.errors import TransferError
from indexer.registry import Entry
from indexer.transfer.clip_retrieval.file_names import has_numbered_files

ExportFormat = Literal["recall", "clip-retrieval"]
"""Format of an export."""

DEFAULT_FORMAT: ExportFormat = "recall"

EXPORT_FORMATS = (
    Entry("recall", "recall", "a whole library as Parquet, for a backup or another machine; the default"),
    Entry("clip-retrieval", "clip-retrieval", "photos, captions and embeddings, for other programs"),
)
"""The formats of exports."""

MANIFEST = "manifest.json"
"""File of Recall's own format that is written last: a folder without it is not an export."""


PART_NAME = re.compile(r"part-(\d{6,12})")
"""Names of the folders in a place of many small exports."""


def has_parts(folder: Path) -> bool:
    """Return whether a folder has folders of parts."""
    return any(PART_NAME.fullmatch(entry.name) and entry.is_dir() for entry in folder.iterdir())


def detect_format(folder: Path) -> ExportFormat:
    """Return the format of an export, judged by the names of its files.

    Raises:
        TransferError: The folder is not an export.
    """
    if not folder.is_dir():
        raise TransferError(f"{folder} is not a folder; expected one that recall export or clip-retrieval has written")
    if (folder / MANIFEST).is_file() or has_parts(folder):
        return "recall"
    if has_numbered_files(folder):
        return "clip-retrieval"
    raise TransferError(
        f"{folder} is not an export: it has neither {MANIFEST}, the file that recall export writes last, nor "
        "img_emb_0.npy, which clip-retrieval writes; name a complete export"
    )


def check_format(folder: Path, format: str | None) -> None:
    """Check that a folder is an export, of this format unless that is None.

    Raises:
        TransferError: It is not.
    """
    detected = detect_format(folder)
    if format is not None and format != detected:
        raise TransferError(f"{folder} has the format {detected}, not {format}; leave out the format, or correct it")
