"""Damaged, truncated and malicious exports: each is refused with one message, and nothing is half imported."""

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
from tests.support.contents import Place, count
from tests.support.program import Program
from tests.support.records import read_catalog

Import = Callable[..., tuple[Place, Any]]
OtherPlace = Callable[[str], Place]


def rewrite(export: Path, change: Callable[[Any], object]) -> None:
    """Change the content of a manifest."""
    file = export / "manifest.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def forge(export: Path, name: str, table: pa.Table) -> None:
    """Replace the rows of a file, with a manifest that matches them."""
    file = export / name
    pq.write_table(table, file)
    entry = {"rows": table.num_rows, "bytes": file.stat().st_size}
    entry["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    rewrite(export, lambda content: content["files"].update({name: entry}))


def replace_last(export: Path, name: str, column: str, value: object) -> None:
    """Change a column of the last row of a file."""
    table = pq.read_table(export / name)
    field = table.schema.field(column)
    values = [*table[column].to_pylist()[:-1], value]
    forge(export, name, table.set_column(table.schema.names.index(column), field, pa.array(values, field.type)))


@pytest.mark.parametrize(
    ("change", "message"),
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
        (
            lambda content: content["sources"][0].update(root="any://host/a"),
            "root cannot be used here: a URL begins with",
        ),
        (lambda content: content["sources"][0].update(root="s3://key:word@host/a"), "a URL has a key or a port in it"),
        (
            lambda content: content["sources"][0].update(root="s3://bucket/a/../b"),
            "has an empty component, '.' or '..'",
        ),
        (lambda content: content["sources"][0].update(root="s3://bucket/a/"), "ends with '/'; expected s3://"),
        (lambda content: content["sources"][0].update(exclude=[7]), "patterns of a source are not strings"),
        (lambda content: content["sources"][0].update(added_at="yesterday"), "is not a manifest of Recall"),
        (lambda content: content["sources"].clear(), "is in none of the export's sources"),
    ],
)
def test_a_manifest_with_wrong_content_is_refused(
    change: Callable[[Any], object], message: str, export_copy: Path, import_into: Import, other_place: OtherPlace
) -> None:
    rewrite(export_copy, change)
    with pytest.raises(TransferError, match=message):
        import_into(export_copy)
    assert count(other_place("new"), "items") == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b"[]"])
def test_a_file_that_is_not_a_manifest_is_refused(content: bytes, export_copy: Path, import_into: Import) -> None:
    (export_copy / "manifest.json").write_bytes(content)
    with pytest.raises(TransferError, match=r"manifest.json (cannot be read|is not a manifest of Recall)"):
        import_into(export_copy)


@pytest.mark.parametrize(
    ("name", "column", "value", "message"),
    [
        ("items.parquet", "path", b"photos/a.png", "path 'photos/a.png' is not an absolute path here"),
        ("items.parquet", "path", b"/a/../../etc/passwd", "is not normalized: it has"),
        ("items.parquet", "path", b"//host/share", "is not normalized: it has"),
        ("items.parquet", "path", b"/a\0b\0c", "contains a NUL; expected a path"),
        ("items.parquet", "path", b"http://host/a.png", "path cannot be used here: a URL begins with 'http://'"),
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
def test_invalid_rows_are_refused(
    name: str, column: str, value: object, message: str, export_copy: Path, import_into: Import, other_place: OtherPlace
) -> None:
    replace_last(export_copy, name, column, value)
    with pytest.raises(TransferError, match=message):
        import_into(export_copy)
    assert count(other_place("new"), "items") == 0


def test_columns_of_a_newer_version_are_refused(export_copy: Path, import_into: Import) -> None:
    table = pq.read_table(export_copy / "items.parquet")
    forge(export_copy, "items.parquet", table.append_column("mood", pa.array(["glad"] * table.num_rows)))
    with pytest.raises(TransferError, match="has a column 'mood' that this Recall does not know; update Recall"):
        import_into(export_copy)


def test_columns_that_an_older_version_did_not_write_are_empty(
    shared: Path, export_copy: Path, import_into: Import
) -> None:
    forge(export_copy, "items.parquet", pq.read_table(export_copy / "items.parquet").drop_columns(["lens", "picture"]))
    new, _ = import_into(export_copy)
    assert read_catalog(new) == read_catalog(shared / "made.recall")


def test_a_file_without_a_required_column_is_refused(export_copy: Path, import_into: Import) -> None:
    forge(export_copy, "items.parquet", pq.read_table(export_copy / "items.parquet").drop_columns(["size"]))
    with pytest.raises(TransferError, match=r"items.parquet has no column 'size'"):
        import_into(export_copy)


@pytest.mark.parametrize("name", ["items.parquet", "units.parquet"])
def test_a_truncated_or_missing_file_is_refused(name: str, export_copy: Path, import_into: Import) -> None:
    file = export_copy / name
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TransferError, match=f"{name} has changed since the export"):
        import_into(export_copy)
    entry = {"rows": 4, "bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    rewrite(export_copy, lambda content: content["files"].update({name: entry}))
    with pytest.raises(TransferError, match=f"{name} cannot be read as Parquet"):
        import_into(export_copy)
    file.unlink()
    with pytest.raises(TransferError, match=f"{name} cannot be read"):
        import_into(export_copy)


def test_an_error_in_the_last_item_leaves_nothing_and_a_correct_export_can_follow(
    shared: Path, export_copy: Path, import_into: Import, monkeypatch: pytest.MonkeyPatch, other_place: OtherPlace
) -> None:
    monkeypatch.setattr("indexer.transfer.import_items.BATCH", 1)
    replace_last(export_copy, "items.parquet", "modality", "video")
    with pytest.raises(TransferError):
        import_into(export_copy)
    assert [count(other_place("new"), table) for table in ("items", "sources", "encoders")] == [0, 0, 0]
    new, report = import_into(shared / "export")
    assert (report.added + report.failed, report.existing) == (4, 0)
    assert read_catalog(new) == read_catalog(shared / "made.recall")


def test_a_folder_that_is_not_an_export_is_refused(tmp_path: Path, import_into: Import) -> None:
    with pytest.raises(TransferError, match="nothing is not a folder"):
        import_into(tmp_path / "nothing")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(
        TransferError, match=r"nothing is not an export: it has neither manifest.json, .* nor img_emb_0.npy"
    ):
        import_into(tmp_path / "nothing")


def test_a_refused_import_leaves_no_library_that_was_made_for_it(
    export_copy: Path, recall_program: Program, tmp_path: Path
) -> None:
    replace_last(export_copy, "items.parquet", "path", b"/elsewhere/a.jpg")
    done = recall_program("import", export_copy, "--library", tmp_path / "fresh.recall")
    assert done.returncode == 2
    assert "is in none of the export's sources" in done.stderr
    assert not (tmp_path / "fresh.recall").exists()


def test_values_that_a_dictionary_repeats_are_counted_as_often_as_they_occur(
    export_copy: Path, import_into: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.transfer.parquet.MAX_BATCH_BYTES", 3_000_000)
    table = pq.read_table(export_copy / "items.parquet")
    title = pa.DictionaryArray.from_arrays(pa.array([0] * table.num_rows, pa.int32()), pa.array(["a" * 1_000_000]))
    changed = table.set_column(table.schema.names.index("title"), "title", title)
    file = export_copy / "items.parquet"
    pq.write_table(changed, file, compression="zstd", store_schema=False)
    assert file.stat().st_size < 100_000
    entry = {"rows": table.num_rows, "bytes": file.stat().st_size}
    entry["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    rewrite(export_copy, lambda content: content["files"].update({"items.parquet": entry}))
    with pytest.raises(TransferError, match=r"have 4,000,000 bytes when they are decoded; expected at most 3,000,000"):
        import_into(export_copy)
