"""Exports that lie, are cut short or come from somebody who means harm: one clear line each, and nothing half done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from indexer.errors import TransferError
from tests.support.contents import count
from tests.support.records import everything

Bring = Callable[..., tuple[Path, Any]]


def rewrite(export: Path, change: Callable[[Any], object]) -> None:
    """Change what a manifest says."""
    file = export / "manifest.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def forge(export: Path, name: str, table: pa.Table) -> None:
    """Put other rows into an export, with a manifest that fits them."""
    file = export / name
    pq.write_table(table, file)
    facts = {"rows": table.num_rows, "bytes": file.stat().st_size}
    facts["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    rewrite(export, lambda content: content["files"].update({name: facts}))


def replaced(export: Path, name: str, column: str, value: object) -> None:
    """Give the last row of a file another value in one column."""
    table = pq.read_table(export / name)
    field = table.schema.field(column)
    values = [*table[column].to_pylist()[:-1], value]
    forge(export, name, table.set_column(table.schema.names.index(column), field, pa.array(values, field.type)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content.update(format="zip"), "has the format 'zip'; expected 'recall'"),
        (lambda content: content.update(version=2), "has version 2; this Recall reads 1: update Recall"),
        (lambda content: content.pop("files"), "is not a manifest of Recall"),
        (lambda content: content.update(files=[]), "is not a manifest of Recall"),
        (lambda content: content["files"]["items.parquet"].update(rows=5), "does not have the 5 rows"),
        (lambda content: content["files"]["items.parquet"].update(bytes=1), "has changed since the export"),
        (lambda content: content["files"]["units.parquet"].update(sha256="00"), "has changed since the export"),
        (lambda content: content["encoders"][0].update(dim=4), r"is fixed_size_list.*\[3\]; expected .*\[4\]"),
        (lambda content: content["encoders"][0].update(dim=10**9), "has an invalid dimension or preprocessing"),
        (lambda content: content["encoders"][0].update(dim=True), "is not a manifest of Recall"),
        (lambda content: content["encoders"][0].update(fingerprint=""), "has an invalid dimension or preprocessing"),
        (
            lambda content: content["encoders"][0]["preprocess"].update(size=10**6),
            "has an invalid dimension or preprocessing",
        ),
        (
            lambda content: content["encoders"][0]["preprocess"].update(mean=[1, 2]),
            "has an invalid dimension or preprocessing",
        ),
        (lambda content: content["encoders"].append(content["encoders"][0]), "two encoders are the same"),
        (lambda content: content["encoders"].clear(), "has a column 'embedding_1' that this Recall does not know"),
        (lambda content: content["sources"][0].update(root="pictures"), "root 'pictures' is not an absolute path here"),
        (lambda content: content["sources"][0].update(root="/a/../b"), "root '/a/../b' is not normalized"),
        (
            lambda content: content["sources"][0].update(root="/a\0b"),
            r"root '/a\\x00b' contains a NUL; expected a path",
        ),
        (lambda content: content["sources"][0].update(exclude=[7]), "patterns of a source are not strings"),
        (lambda content: content["sources"][0].update(added_at="yesterday"), "is not a manifest of Recall"),
        (lambda content: content["sources"].clear(), "is in none of the export's sources"),
    ],
)
def test_a_manifest_that_lies_is_refused(
    change: Callable[[Any], object], said: str, copied: Path, bring: Bring, tmp_path: Path
) -> None:
    rewrite(copied, change)
    with pytest.raises(TransferError, match=said):
        bring(copied)
    assert count(tmp_path / "new.recall", "items") == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b"[]"])
def test_a_manifest_that_is_none_is_refused(content: bytes, copied: Path, bring: Bring) -> None:
    (copied / "manifest.json").write_bytes(content)
    with pytest.raises(TransferError, match=r"manifest.json (cannot be read|is not a manifest of Recall)"):
        bring(copied)


@pytest.mark.parametrize(
    ("name", "column", "value", "said"),
    [
        ("items.parquet", "path", b"photos/a.png", "path 'photos/a.png' is not an absolute path here"),
        ("items.parquet", "path", b"/a/../../etc/passwd", "is not normalized: it has"),
        ("items.parquet", "path", b"//host/share", "is not normalized: it has"),
        ("items.parquet", "path", b"/a\0b\0c", "contains a NUL; expected a path"),
        ("items.parquet", "path", b"/etc/passwd", "item '/etc/passwd' is in none of the export's sources"),
        ("items.parquet", "picture", b"/a\0b", "contains a NUL; expected a path"),
        ("items.parquet", "path", None, "column 'path' of .* has an empty value"),
        ("items.parquet", "modality", "video", "is a 'video'; expected photo or text"),
        ("items.parquet", "id", 1, "items.parquet is not sorted by id"),
        ("units.parquet", "item_id", 99, "has a unit of item 99, which is missing"),
        ("units.parquet", "kind", "video", "has a 'video'; expected photo or text"),
        ("units.parquet", "item_id", 2, "is not sorted by position"),
        ("units.parquet", "embedding_1", [3.0, 4.0, 0.0], "has a row that is not a unit vector"),
        ("units.parquet", "embedding_1", [float("nan"), 0.0, 0.0], "has a row that is not a unit vector"),
        ("units.parquet", "embedding_1", [1.0, None, 0.0], "has an empty number"),
    ],
)
def test_rows_that_cannot_be_are_refused(
    name: str, column: str, value: object, said: str, copied: Path, bring: Bring, tmp_path: Path
) -> None:
    replaced(copied, name, column, value)
    with pytest.raises(TransferError, match=said):
        bring(copied)
    assert count(tmp_path / "new.recall", "items") == 0


def test_columns_of_a_newer_recall_are_refused_and_not_lost(copied: Path, bring: Bring) -> None:
    table = pq.read_table(copied / "items.parquet")
    forge(copied, "items.parquet", table.append_column("mood", pa.array(["glad"] * table.num_rows)))
    with pytest.raises(TransferError, match="has a column 'mood' that this Recall does not know; update Recall"):
        bring(copied)


def test_columns_that_an_older_recall_did_not_have_are_empty(made: Path, copied: Path, bring: Bring) -> None:
    forge(copied, "items.parquet", pq.read_table(copied / "items.parquet").drop_columns(["lens", "picture"]))
    new, _ = bring(copied)
    assert everything(new) == everything(made / "made.recall")


def test_a_file_that_lacks_what_every_item_has_is_refused(copied: Path, bring: Bring) -> None:
    forge(copied, "items.parquet", pq.read_table(copied / "items.parquet").drop_columns(["size"]))
    with pytest.raises(TransferError, match=r"items.parquet has no column 'size'"):
        bring(copied)


@pytest.mark.parametrize("name", ["items.parquet", "units.parquet"])
def test_a_file_that_is_cut_short_or_missing_is_refused(name: str, copied: Path, bring: Bring) -> None:
    file = copied / name
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TransferError, match=f"{name} has changed since the export"):
        bring(copied)
    facts = {"rows": 4, "bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    rewrite(copied, lambda content: content["files"].update({name: facts}))
    with pytest.raises(TransferError, match=f"{name} cannot be read as Parquet"):
        bring(copied)
    file.unlink()
    with pytest.raises(TransferError, match=f"{name} cannot be read"):
        bring(copied)


def test_an_error_in_the_middle_keeps_whole_batches_and_a_mended_export_completes(
    made: Path, copied: Path, bring: Bring, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("indexer.transfer.import_items.BATCH", 1)
    replaced(copied, "items.parquet", "modality", "video")
    with pytest.raises(TransferError):
        bring(copied)
    assert count(tmp_path / "new.recall", "items") == 3  # all but the last
    new, report = bring(made / "export")
    assert (report.added + report.failed, report.existing) == (1, 3)
    assert everything(new) == everything(made / "made.recall")


def test_what_is_no_export_is_refused(tmp_path: Path, bring: Bring) -> None:
    with pytest.raises(TransferError, match="nothing is not a folder"):
        bring(tmp_path / "nothing")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(
        TransferError, match=r"nothing is not an export: it has neither manifest.json, .* nor img_emb_0.npy"
    ):
        bring(tmp_path / "nothing")
