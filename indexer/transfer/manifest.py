"""Manifest of an export: its encoders, its sources, and the size and checksum of each of its files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from sqlalchemy import JSON, Boolean, Column, DateTime, Integer, Table

from indexer import __version__
from indexer.catalog.schema import ENCODERS, SOURCES
from indexer.catalog.statements.export_records import Record
from indexer.errors import TransferError
from indexer.transfer.atomic_folder import checksum
from indexer.transfer.formats import MANIFEST
from indexer.transfer.import_items import ExportedEncoder
from indexer.types import Interpolation, ResizeMode, utc_now

FORMAT, VERSION = "recall", 1

MAX_BYTES = 64 << 20
"""Maximum size of a manifest: a library has a few sources, not millions."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The validated contents of `manifest.json`.

    Attributes:
        encoders: Encoders of the embeddings, at most one of them active.
        sources: Columns of sources.
        files: Names of the files of the export.
        rows: Number of rows of each file that was asked for, by name.
        separator: Separator of path components on the machine of the export.
        settings: Values of `knowledge.settings_record`; empty for an export of an earlier version.
    """

    encoders: Sequence[ExportedEncoder]
    sources: Sequence[Record]
    files: frozenset[str]
    rows: Mapping[str, int]
    separator: str
    settings: Mapping[str, Any]


def write_manifest(
    folder: Path,
    *,
    encoders: Sequence[ExportedEncoder],
    sources: Sequence[Record],
    rows: Mapping[str, int],
    settings: Mapping[str, Any],
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write the manifest of the files in a folder; in ASCII, so that any path can be written.

    Args:
        folder: The folder.
        encoders: Encoders of the embeddings.
        sources: Columns of sources.
        rows: Number of rows of each file, by name.
        settings: Values of `knowledge.settings_record`.
        more: What a part says in addition.
    """
    files = {
        name: {"rows": count, "bytes": (folder / name).stat().st_size, "sha256": checksum(folder / name)}
        for name, count in rows.items()
    }
    content = {
        "format": FORMAT,
        "version": VERSION,
        "recall": __version__,
        "made_at": utc_now().isoformat(),
        "separator": os.sep,
        "encoders": [
            {"column": encoder.column, "active": encoder.active} | _to_json(ENCODERS, encoder.record)
            for encoder in encoders
        ],
        "sources": [_to_json(SOURCES, source) for source in sources],
        "settings": settings,
        "files": files,
        **(more or {}),
    }
    (folder / MANIFEST).write_text(json.dumps(content, indent=2), encoding="ascii")


def read_manifest(folder: Path, names: Sequence[str], *, optional: Iterable[str] = ()) -> Manifest:
    """Return the manifest of an export after checking its files against it.

    Args:
        folder: The export.
        names: Names of the files that it must have.
        optional: Names of files that it may have.

    Raises:
        TransferError: The folder is not an export, was written by a newer version, is incomplete or is damaged.
    """
    file = folder / MANIFEST
    try:
        if file.stat().st_size > MAX_BYTES:
            raise TransferError(f"{file} is larger than {MAX_BYTES:,} bytes; that is not a manifest of Recall")
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TransferError(f"{file} cannot be read ({reason}); export the library again") from error
    try:
        return _parse(folder, content, [*names, *(name for name in optional if name in content["files"])])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TransferError(f"{file} is not a manifest of Recall ({error!r}); export the library again") from error


def _parse(folder: Path, content: Any, names: Sequence[str]) -> Manifest:
    if content["format"] != FORMAT:
        raise TransferError(f"{folder / MANIFEST} has the format {content['format']!r}; expected {FORMAT!r}")
    if content["version"] != VERSION:
        raise TransferError(f"{folder} has version {content['version']!r}; this Recall reads {VERSION}: update Recall")
    for name in names:
        _check_file(folder / name, content["files"][name])
    encoders = [_encoder(value) for value in content["encoders"]]
    columns = {encoder.column for encoder in encoders}
    fingerprints = {encoder.record["fingerprint"] for encoder in encoders}
    if not len(columns) == len(fingerprints) == len(encoders) or sum(encoder.active for encoder in encoders) > 1:
        raise ValueError("two encoders are the same, or two are active")
    return Manifest(
        encoders,
        [_source(value) for value in content["sources"]],
        frozenset(content["files"]),
        {name: _typed(content["files"][name]["rows"], int) for name in names},
        _typed(content["separator"], str),
        _typed(content.get("settings", {}), dict),
    )


def _check_file(file: Path, entry: Mapping[str, Any]) -> None:
    try:
        if file.stat().st_size != entry["bytes"] or checksum(file) != entry["sha256"]:
            raise TransferError(
                f"{file} has changed since the export (size or checksum differ); copy or export it again"
            )
    except OSError as error:
        raise TransferError(f"{file} cannot be read ({error.strerror}); copy or export it again") from error


def _encoder(value: Mapping[str, Any]) -> ExportedEncoder:
    record = _from_json(ENCODERS, value)
    preprocess = record["preprocess"]
    is_complete = {"size", "resize_mode", "interpolation", "mean", "std", "fill"} == set(preprocess)
    numbers = [float(number) for name in ("mean", "std") for number in preprocess[name]]
    if not (
        is_complete
        and 0 < _typed(preprocess["size"], int) <= 4096
        and 0 <= _typed(preprocess["fill"], int) <= 255
        and preprocess["resize_mode"] in get_args(ResizeMode)
        and preprocess["interpolation"] in get_args(Interpolation)
        and len(preprocess["mean"]) == len(preprocess["std"]) == 3
        and all(abs(number) < 1e6 for number in numbers)
        and 0 < record["dim"] <= 65536
        and record["name"]
        and record["fingerprint"]
    ):
        raise ValueError(f"encoder {record['name']!r} has an invalid dimension or preprocessing")
    return ExportedEncoder(_typed(value["column"], str), _typed(value["active"], bool), record)


def _source(value: Mapping[str, Any]) -> Record:
    source = _from_json(SOURCES, value)
    if not all(isinstance(pattern, str) for pattern in _typed(source["exclude"], list)):
        raise ValueError("the patterns of a source are not strings")
    return source


def _to_json(table: Table, record: Mapping[str, Any]) -> dict[str, Any]:
    values = {column.name: record[column.name] for column in table.c if column.name != "id"}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _from_json(table: Table, value: Mapping[str, Any]) -> Record:
    """Return the columns of a table in a JSON object; nullable ones may be missing, as in older exports."""
    return {column.name: _column_value(column, value) for column in table.c if column.name != "id"}


def _column_value(column: Column[Any], values: Mapping[str, Any]) -> Any:
    value = values.get(column.name) if column.nullable else values[column.name]
    if value is None and column.nullable:
        return None
    if isinstance(column.type, DateTime):
        return datetime.fromisoformat(_typed(value, str)).replace(tzinfo=None)
    if isinstance(column.type, JSON):
        return _typed(value, (list, dict))
    return _typed(value, bool if isinstance(column.type, Boolean) else int if isinstance(column.type, Integer) else str)


def _typed(value: Any, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise TypeError(f"{value!r} has the wrong type")
    return value
