"""Exports that earlier versions wrote are imported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from indexer.transfer.atomic_folder import checksum
from tests.support.contents import Place, count

Import = Callable[..., tuple[Place, Any]]


def test_an_export_of_a_version_without_people_and_places_is_imported(export: Path, import_into: Import) -> None:
    items, manifest = export / "items.parquet", export / "manifest.json"
    pq.write_table(pq.read_table(items).drop_columns(["people", "places"]), items)
    content = json.loads(manifest.read_text())
    content["files"]["items.parquet"] |= {"bytes": items.stat().st_size, "sha256": checksum(items)}
    manifest.write_text(json.dumps(content))
    new, report = import_into(export)
    assert report.added == 3
    assert [count(new, table) for table in ("tags", "people", "places")] == [2, 0, 0]
