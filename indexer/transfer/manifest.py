"""What an export says of itself: its encoders, its sources, and the size and checksum of each of its files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
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
from indexer.transfer.import_items import IncomingEncoder
from indexer.types import Interpolation, ResizeMode, utc_now

MANIFEST = "manifest.json"
"""Written last: a folder without it is no export."""

FORMAT, VERSION = "recall", 1

LARGEST = 64 << 20
"""Bytes of a manifest: a library has some sources, not millions."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `manifest.json` holds, checked.

    Attributes:
        encoders: Whose embeddings the export has, at most one of them active.
        sources: Columns of sources.
        rows: How many rows each file has, by name.
        separator: What stands between folder names on the machine that it comes from.
    """

    encoders: Sequence[IncomingEncoder]
    sources: Sequence[Record]
    rows: Mapping[str, int]
    separator: str


def write_manifest(
    folder: Path, *, encoders: Sequence[IncomingEncoder], sources: Sequence[Record], rows: Mapping[str, int]
) -> None:
    """Write the manifest of the files in a folder; in ASCII, so that any path survives."""
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
            {"column": each.column, "active": each.active} | _as_json(ENCODERS, each.record) for each in encoders
        ],
        "sources": [_as_json(SOURCES, source) for source in sources],
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(content, indent=2), encoding="ascii")


def read_manifest(folder: Path, names: Sequence[str]) -> Manifest:
    """Return the manifest of an export after holding its files against it.

    Args:
        folder: The export.
        names: Files that it must have.

    Raises:
        TransferError: It is no export, is of a newer version, is not whole, or makes no sense.
    """
    file = folder / MANIFEST
    try:
        if file.stat().st_size > LARGEST:
            raise TransferError(f"{file} is larger than {LARGEST:,} bytes; that is no manifest of Recall")
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TransferError(f"{file} cannot be read ({error}); export the library again") from error
    try:
        return _checked(folder, content, names)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TransferError(f"{file} is no manifest of Recall ({error!r}); export the library again") from error


def _checked(folder: Path, content: Any, names: Sequence[str]) -> Manifest:
    if content["format"] != FORMAT:
        raise TransferError(f"{folder / MANIFEST} is of format {content['format']!r}; expected {FORMAT!r}")
    if content["version"] != VERSION:
        raise TransferError(f"{folder} has version {content['version']!r}; this Recall reads {VERSION}: update Recall")
    for name in names:
        _check_file(folder / name, content["files"][name])
    encoders = [_encoder(each) for each in content["encoders"]]
    distinct = len({each.column for each in encoders}) == len({each.record["fingerprint"] for each in encoders})
    if not distinct or len(encoders) != len({each.column for each in encoders}) or sum(e.active for e in encoders) > 1:
        raise ValueError("two encoders are the same, or two are active")
    return Manifest(
        encoders,
        [_source(each) for each in content["sources"]],
        {name: _typed(content["files"][name]["rows"], int) for name in names},
        _typed(content["separator"], str),
    )


def _check_file(file: Path, said: Mapping[str, Any]) -> None:
    try:
        if file.stat().st_size != said["bytes"] or checksum(file) != said["sha256"]:
            raise TransferError(f"{file} is not as it was exported (size or checksum differ); copy or export it again")
    except OSError as error:
        raise TransferError(f"{file} cannot be read ({error.strerror}); copy or export it again") from error


def _encoder(said: Mapping[str, Any]) -> IncomingEncoder:
    record = _from_json(ENCODERS, said)
    preprocess = record["preprocess"]
    whole = {"size", "resize_mode", "interpolation", "mean", "std", "fill"} == set(preprocess)
    numbers = [float(number) for name in ("mean", "std") for number in preprocess[name]]
    if not (
        whole
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
        raise ValueError(f"encoder {record['name']!r} has a dimension or a preprocessing that cannot be")
    return IncomingEncoder(_typed(said["column"], str), _typed(said["active"], bool), record)


def _source(said: Mapping[str, Any]) -> Record:
    source = _from_json(SOURCES, said)
    if not all(isinstance(pattern, str) for pattern in _typed(source["exclude"], list)):
        raise ValueError("a source's patterns are no strings")
    return source


def _as_json(table: Table, record: Mapping[str, Any]) -> dict[str, Any]:
    values = {column.name: record[column.name] for column in table.c if column.name != "id"}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _from_json(table: Table, said: Mapping[str, Any]) -> Record:
    """Return the columns of a table in a JSON object; those that may be empty may be missing, for older exports."""
    return {column.name: _value(column, said) for column in table.c if column.name != "id"}


def _value(column: Column[Any], said: Mapping[str, Any]) -> Any:
    value = said.get(column.name) if column.nullable else said[column.name]
    if value is None and column.nullable:
        return None
    if isinstance(column.type, DateTime):
        return datetime.fromisoformat(_typed(value, str)).replace(tzinfo=None)
    if isinstance(column.type, JSON):
        return _typed(value, (list, dict))
    return _typed(value, bool if isinstance(column.type, Boolean) else int if isinstance(column.type, Integer) else str)


def _typed(value: Any, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise TypeError(f"{value!r} is of the wrong kind")
    return value
