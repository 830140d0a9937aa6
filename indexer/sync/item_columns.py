"""What the catalog keeps of a file: the columns of an item."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from indexer.documents.table import table_format
from indexer.documents.text_file import text_format
from indexer.errors import ItemError
from indexer.images import Photo, PhotoMetadata
from indexer.sync.batch import BatchItem
from indexer.sync.scan_rules import SourceFile
from indexer.sync.table_rows import TableRow
from indexer.types import Modality, file_of, utc_now

EMPTY_COLUMNS: dict[str, Any] = dict.fromkeys(
    ("content_hash", "format", "width", "height", "sidecar_mtime_ns", "taken_at", "taken_from", "utc_offset",
     "latitude", "longitude", "camera", "lens", "rating", "title", "description", "failure", "failure_message")
)  # fmt: skip


def file_columns(file: SourceFile, source_id: int | None) -> dict[str, Any]:
    """Return the columns of an item that say where its file is, and by what it is known again."""
    return {
        "source_id": source_id,
        "path": file.path,
        "picture": file.picture if isinstance(file, TableRow) else None,
        "size": file.size,
        "mtime_ns": file.mtime_ns,
    }


def item_columns(entry: BatchItem) -> dict[str, Any]:
    """Return the columns of an item that come from what it holds."""
    file = entry.step.file
    columns = text_columns(file, entry) if entry.photo is None else photo_columns(file, entry.photo)
    return columns | {"content_hash": file.content_hash} if isinstance(file, TableRow) else columns


def text_columns(file: SourceFile, entry: BatchItem) -> dict[str, Any]:
    """Return the columns of a text file or of a row without a picture."""
    taken_at = file_time(file)
    return EMPTY_COLUMNS | {
        "modality": Modality.TEXT,
        "content_hash": entry.document.content_hash if entry.document else None,
        "format": entry.document.format if entry.document else table_format(file_of(file.path)),
        "taken_at": taken_at,
        "taken_from": None if taken_at is None else "file",
        "indexed_at": utc_now(),
    }


def photo_columns(file: SourceFile, photo: Photo) -> dict[str, Any]:
    """Return the columns of an item that come from its content and its sidecar, and its tags."""
    facts = photo.metadata
    taken_at, taken_from = facts.taken_at, str(facts.taken_from)
    if taken_at is None:
        taken_at, taken_from = file_time(file), "file"
    return EMPTY_COLUMNS | {
        "modality": Modality.PHOTO,
        "content_hash": photo.content_hash,
        "format": facts.format,
        "width": facts.width,
        "height": facts.height,
        "sidecar_mtime_ns": file.sidecar_mtime_ns,
        "taken_at": taken_at,
        "taken_from": taken_from,
        "utc_offset": facts.utc_offset,
        "latitude": facts.latitude,
        "longitude": facts.longitude,
        "camera": facts.camera,
        "lens": facts.lens,
        "rating": facts.rating,
        "title": facts.title,
        "description": facts.description,
        "tags": facts.tags,
        "indexed_at": utc_now(),
    }


def searchable_text(facts: PhotoMetadata) -> str | None:
    """Return what is said about a photo, for full-text search: title, description and tags as lines; None without."""
    return "\n".join(line for line in (facts.title, facts.description, *facts.tags) if line) or None


def failure_columns(file: SourceFile, error: ItemError) -> dict[str, Any]:
    """Return the columns of an item that could not be indexed."""
    row = file if isinstance(file, TableRow) else None
    is_photo = row.picture is not None if row else text_format(file.path) is None
    return EMPTY_COLUMNS | {
        "modality": Modality.PHOTO if is_photo else Modality.TEXT,
        "content_hash": row.content_hash if row else None,
        "failure": error.kind,
        "failure_message": str(error),
        "indexed_at": utc_now(),
    }


def file_time(file: SourceFile) -> datetime | None:
    """Return a file's own time in local time, as cameras write theirs; None where it is no date."""
    try:
        return datetime.fromtimestamp(file.mtime_ns // 1_000_000_000)  # noqa: DTZ006 - local time is meant
    except (OverflowError, ValueError, OSError):
        return None
