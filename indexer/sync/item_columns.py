"""The columns of an item in the catalog, from its file and content."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any, Literal

from indexer.documents.table import table_format
from indexer.documents.text_file import text_format
from indexer.errors import FailureKind, ItemError
from indexer.images import Photo, PhotoMetadata, date_in_name
from indexer.sync.batch import BatchItem
from indexer.sync.table_rows import TableRow
from indexer.sync.walk_entries import SourceFile
from indexer.types import Modality, file_of, utc_now

EMPTY_COLUMNS: dict[str, Any] = dict.fromkeys(
    ("content_hash", "format", "width", "height", "sidecar_mtime_ns", "sidecar_size",
     "sidecar_ctime_ns", "sidecar_hash", "taken_at", "taken_from", "utc_offset",
     "latitude", "longitude", "camera", "lens", "rating", "title", "description", "failure", "failure_message")
)  # fmt: skip


_UNREAD = -1
"""The time of a sidecar that could not be read now: no file has it, so the next run reads it again."""


def file_columns(file: SourceFile, source_id: int | None) -> dict[str, Any]:
    """Return the columns that locate an item's file and detect its changes."""
    return {
        "source_id": source_id,
        "path": file.path,
        "picture": file.picture if isinstance(file, TableRow) else None,
        "size": file.size,
        "mtime_ns": file.mtime_ns,
        "ctime_ns": file.ctime_ns,
    }


def sidecar_columns(file: SourceFile) -> dict[str, Any]:
    """Return the columns that detect changes of a photo's sidecar."""
    return {
        "sidecar_mtime_ns": file.sidecar_mtime_ns,
        "sidecar_size": file.sidecar_size,
        "sidecar_ctime_ns": file.sidecar_ctime_ns,
        "sidecar_hash": file.sidecar_hash,
    }


def item_columns(item: BatchItem) -> dict[str, Any]:
    """Return the columns that describe an item's content."""
    file = item.step.file
    columns = _text_columns(file, item) if item.photo is None else _photo_columns(file, item.photo)
    return columns | {"content_hash": file.content_hash} if isinstance(file, TableRow) else columns


def _text_columns(file: SourceFile, item: BatchItem) -> dict[str, Any]:
    """Return the columns of a text file, or of a row without a picture."""
    taken_at = file_time(file)
    return EMPTY_COLUMNS | {
        "modality": Modality.TEXT,
        "content_hash": item.document.content_hash if item.document else None,
        "format": item.document.format if item.document else table_format(file_of(file.path)),
        "taken_at": taken_at,
        "taken_from": None if taken_at is None else "file",
        "indexed_at": utc_now(),
    }


def _photo_columns(file: SourceFile, photo: Photo) -> dict[str, Any]:
    """Return the columns of an item with a picture, and its tags, people and places."""
    metadata = photo.metadata
    is_retried = any(sidecar.kind == FailureKind.UNREADABLE for sidecar in photo.unread_sidecars)
    taken_at, taken_from = (metadata.taken_at, metadata.taken_from) if metadata.taken_at else fallback_date(file)
    columns = picture_columns(photo) | {"taken_at": taken_at, "taken_from": taken_from}
    sidecar = sidecar_columns(file) | ({"sidecar_mtime_ns": _UNREAD, "sidecar_hash": None} if is_retried else {})
    return EMPTY_COLUMNS | sidecar | columns


def picture_columns(photo: Photo) -> dict[str, Any]:
    """Return the columns of a picture whatever its file, and its tags, people and places."""
    metadata = photo.metadata
    return {
        "modality": Modality.PHOTO,
        "content_hash": photo.content_hash,
        "format": metadata.format,
        "width": metadata.width,
        "height": metadata.height,
        "taken_at": metadata.taken_at,
        "taken_from": metadata.taken_from,
        "utc_offset": metadata.utc_offset,
        "latitude": metadata.latitude,
        "longitude": metadata.longitude,
        "camera": metadata.camera,
        "lens": metadata.lens,
        "rating": metadata.rating,
        "title": metadata.title,
        "description": metadata.description,
        "unread_sidecars": [(str(sidecar.path), sidecar.kind, sidecar.reason) for sidecar in photo.unread_sidecars],
        "tags": metadata.tags,
        "people": metadata.people,
        "places": metadata.places,
        "indexed_at": utc_now(),
    }


def metadata_columns(file: SourceFile, photo: Photo) -> dict[str, Any]:
    """Return the columns of an indexed photo's metadata, its labels, and its searchable text."""
    columns = _photo_columns(file, photo) | {"searchable": searchable_text(photo.metadata)}
    return {name: value for name, value in columns.items() if name not in ("content_hash", "indexed_at")}


def searchable_text(metadata: PhotoMetadata) -> str | None:
    """Return a photo's title, description, tags, people and places as lines for full-text search; None without any."""
    labels = [*metadata.tags, *metadata.people, *metadata.places]
    lines = dict.fromkeys([metadata.title, metadata.description, *labels])  # a person may be a tag, too
    return "\n".join(line for line in lines if line) or None


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


def fallback_date(file: SourceFile) -> tuple[datetime | None, Literal["name", "file"]]:
    """Return the date of an item whose content has none, and where it is from: a photo's name, or the file's time."""
    row = file if isinstance(file, TableRow) else None
    photo = (row.picture or "") if row else file.path
    in_name = None if text_format(photo) else date_in_name(os.path.basename(photo), now=datetime.now())  # noqa: DTZ005
    return (in_name, "name") if in_name else (file_time(file), "file")


def file_time(file: SourceFile) -> datetime | None:
    """Return a file's modification time in local time, like the times of cameras; None if it is out of range."""
    try:
        return datetime.fromtimestamp(file.mtime_ns // 1_000_000_000)  # noqa: DTZ006 - local time is meant
    except (OverflowError, ValueError, OSError):
        return None
