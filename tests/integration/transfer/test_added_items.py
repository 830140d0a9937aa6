"""Export and import of added items: collections, texts, metadata, stored pictures; hostile ones are refused."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from indexer.errors import TransferError
from indexer.transfer import parquet
from retrieval import Filter, Library
from tests.integration.transfer.test_hostile_exports import forge, replace_last, rewrite
from tests.support.color_photos import paint
from tests.support.contents import Place, catalog_file, count, lose_picture, picture_files, rows
from tests.support.encoders import FakeEncoder
from tests.support.pictures import picture_bytes
from tests.support.program import Program

Import = Callable[..., tuple[Place, Any]]
OtherPlace = Callable[[str], Place]

SHOE = {"price": 49.5, "stock": 3, "sale": True, "sizes": ["40", "41"], "brand": "A", "note": None}


def large_picture() -> bytes:
    """Return a picture that is too large for a row of the catalog."""
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def add_all(library: Library, folder: Path) -> None:
    """Fill a library with a photo of a folder, and items of two collections."""
    photo = paint(folder / "red.png", "red")
    library.sync(folder)
    library.add(texts=["a red shoe", "a blue hat"], ids=["shoe", "hat/1"], metadata=[SHOE, {"brand": "B"}])
    library.add(
        images=[large_picture(), picture_bytes("lime"), photo, None],
        texts=[None, "a tree", None, None],
        vectors=[None, None, None, [0.0, 0.0, 1.0]],
        ids=["large", "small", "file", "vector"],
        uris=["https://example.org/1", None, None, None],
        collection="pictures of 2024",
        keep="original",
    )


def described(library: Library) -> dict[str, Any]:
    """Return what the library says of each item, with its vector and the content of its stored picture."""
    stored = {id_: picture for id_, *picture in rows(library, "SELECT item_id, kind, hash FROM item_pictures")}
    return {
        f"{item.collection}:{item.id}": (
            item.kind, item.path, item.text, item.metadata, item.uri, item.width, stored.get(item.item_id),
            None if item.vector is None else item.vector.tolist(),
        )
        for item in library.scan(vectors=True)
    }  # fmt: skip


@pytest.fixture
def export(library: Library, folder: Path, tmp_path: Path) -> Path:
    """Return the export of a library with added items."""
    add_all(library, folder)
    return library.export(tmp_path / "export").folder


def test_added_items_come_back_with_all_that_was_added(
    library: Library, folder: Path, export: Path, import_into: Import
) -> None:
    new, report = import_into(export)
    assert (report.added, report.sources) == (7, [str(folder)])
    with Library.open(new, encoder=FakeEncoder()) as imported:
        assert described(imported) == described(library)
        assert [item.id for item in imported.list(where=Filter.meta("price") > 40)] == ["shoe"]
        assert [item.id for item in imported.list(where=Filter.meta("sizes") == "41")] == ["shoe"]
        assert imported.search("tree", kind="texts")[0].id == "small"
        assert imported.get("large")[0].picture().size == (400, 400)
        kept = [hashlib.sha256(large_picture()).hexdigest()] if catalog_file(new) else []
        assert [file.name for file in picture_files(new)] == kept
        assert [str(problem) for problem in imported.check()] == []
        twice = imported.export(export.parent / "again")
        assert twice.items == 7
    with Library.open(export.parent / "third.recall", encoder=FakeEncoder()) as third:
        third.import_(export.parent / "again")
        assert described(third) == described(library)


def test_imported_metadata_keeps_its_types(export: Path, import_into: Import) -> None:
    new, _ = import_into(export)
    with Library.open(new, encoder=FakeEncoder()) as imported:
        report = imported.add(texts=["a lime sock"], metadata=[{"price": "cheap"}])
        assert "is a text, but other items have a number" in report.failures[0].message


def test_items_of_the_library_stay_unless_they_are_replaced(export: Path, other_place: OtherPlace) -> None:
    with Library.open(other_place("new"), encoder=FakeEncoder()) as library:
        library.add(texts=["a lime shoe", "mine"], ids=["shoe", "mine"], metadata=[{"price": 1}, None])
        library.add(images=[large_picture()], ids=["small"], collection="pictures of 2024", keep="original")
        report = library.import_(export)
        assert (report.added, report.existing, report.replaced) == (5, 2, 0)
        assert library.get("shoe")[0].text == "a lime shoe"
        report = library.import_(export, replace=True)
        assert (report.added, report.replaced) == (0, 7)
        shoe, mine = library.get(["shoe", "mine"], collection="default")
        assert (shoe.text, shoe.metadata, mine.text) == ("a red shoe", SHOE, "mine")
        assert [item.id for item in library.list(where=Filter.meta("price") < 40)] == []
        assert library.get("small")[0].picture().size == (30, 20)
        library.delete(["large"])
        assert picture_files(library) == [], "no picture is left over"


@pytest.mark.parametrize("replace", [False, True])
def test_metadata_of_another_type_refuses_the_import_before_anything_is_written(
    export: Path, other_place: OtherPlace, replace: bool
) -> None:
    with Library.open(other_place("new"), encoder=FakeEncoder()) as library:
        library.add(texts=["a lime sock"], ids=["sock"], metadata=[{"price": "cheap"}])
        with pytest.raises(TransferError, match="'price' is a number in the export, but a text in this library"):
            library.import_(export, replace=replace)
        assert [item.id for item in library.list()] == ["sock"]
        library.delete(["sock"])
        assert library.import_(export).added == 7, "a type that no item has any more is no reason"


def test_metadata_of_another_type_may_be_replaced(export: Path, other_place: OtherPlace) -> None:
    with Library.open(other_place("new"), encoder=FakeEncoder()) as library:
        library.add(texts=["a lime shoe"], ids=["shoe"], metadata=[{"price": "cheap"}])
        library.import_(export)
        assert library.get("shoe")[0].metadata == {"price": "cheap"}, "it stays, and its type does"
        library.import_(export, replace=True)
        assert library.get("shoe")[0].metadata == SHOE


def test_a_library_without_added_items_is_exported_as_before(library: Library, folder: Path, tmp_path: Path) -> None:
    paint(folder / "red.png", "red")
    library.sync(folder)
    export = library.export(tmp_path / "export").folder
    columns = pq.read_schema(export / "items.parquet").names
    assert {"uri", "text", "metadata"}.isdisjoint(columns)
    assert sorted(path.name for path in export.iterdir()) == ["items.parquet", "manifest.json", "units.parquet"]


def test_large_values_are_written_and_read_in_small_groups(
    export: Path, library: Library, tmp_path: Path, import_into: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 1000)
    library.add(texts=["red " * 200, "blue " * 200, "lime " * 200], ids=["a", "b", "c"])
    monkeypatch.setattr("indexer.transfer.import_items._BATCH_BYTES", 1000)
    small = library.export(tmp_path / "small").folder
    assert pq.ParquetFile(small / "pictures.parquet").num_row_groups == 2
    assert pq.ParquetFile(small / "items.parquet").num_row_groups > 1
    new, _ = import_into(small)
    with Library.open(new, encoder=FakeEncoder()) as imported:
        assert described(imported) == described(library)


def test_a_damaged_stored_picture_is_left_out_of_an_export_and_counted(
    library: Library, folder: Path, tmp_path: Path, import_into: Import
) -> None:
    add_all(library, folder)
    if catalog_file(library):
        (file,) = picture_files(library)
        file.write_bytes(b"damaged")
    else:
        lose_picture(library)
    report = library.export(tmp_path / "export")
    assert report.left_out["missing or damaged stored pictures"] == 1
    new, _ = import_into(report.folder)
    assert rows(new, "SELECT count(*) FROM item_pictures") == [(2,)]


def test_the_files_of_added_pictures_are_found_on_the_new_machine(
    library: Library, tmp_path: Path, import_into: Import
) -> None:
    library.add(images=[paint(tmp_path / "old" / "red.png", "red")], ids=["red"], keep="nothing")
    export = library.export(tmp_path / "export").folder
    (tmp_path / "old").rename(tmp_path / "moved")
    new, _ = import_into(export, roots={str(tmp_path / "old"): str(tmp_path / "moved")})
    with Library.open(new, encoder=FakeEncoder()) as imported:
        assert imported.get("red")[0].picture().size[0] > 0
    with pytest.raises(TransferError, match="has nothing at '/typo'"):
        import_into(export, "other", roots={"/typo": str(tmp_path)})


def replace_in_all(export: Path, column: str, value: object) -> None:
    """Change a column of every item of an export."""
    table = pq.read_table(export / "items.parquet")
    field = table.schema.field(column)
    values = pa.array([value] * table.num_rows, field.type)
    forge(export, "items.parquet", table.set_column(table.schema.names.index(column), field, values))


def replace_picture(export: Path, column: str, value: object) -> None:
    """Change a column of the last stored picture of an export."""
    replace_last(export, "pictures.parquet", column, value)


def _rename_collection(name: str) -> Callable[[Path], None]:
    def change(export: Path) -> None:
        def rename(content: Any) -> None:
            content["sources"][-1].update(collection=name, root=f"collection:{name}")

        rewrite(export, rename)

    return change


BAD = [
    (_rename_collection("../up"), "has a collection that cannot be used"),
    (_rename_collection("a/b"), "has a collection that cannot be used"),
    (_rename_collection("a\0b"), "has a collection that cannot be used"),
    (_rename_collection("another"), "is in none of the export's sources"),
    (lambda export: rewrite(export, lambda c: c["sources"][-1].update(root="/etc")), "has the path '/etc'"),
    (lambda export: rewrite(export, lambda c: c["sources"][-1].update(collection=None)), "not an absolute path here"),
    (lambda export: replace_last(export, "items.parquet", "path", b"collection:a/b\0x"), "cannot be used"),
    (lambda export: replace_last(export, "items.parquet", "path", b"collection:default"), "cannot be used"),
    (lambda export: replace_last(export, "items.parquet", "path", b"collection:default\0"), "cannot be used"),
    (lambda export: replace_last(export, "items.parquet", "path", b"collection:default\0a\0b"), "has a NUL"),
    (lambda export: replace_last(export, "items.parquet", "path", b"collection:default\0\xff"), "not valid Unicode"),
    (
        lambda export: replace_last(export, "items.parquet", "path", b"collection:new\0x"),
        "none of the export's sources",
    ),
    (
        lambda export: replace_last(export, "items.parquet", "path", b"collection:pictures of 2024/up\0x"),
        "cannot be used",
    ),
    (lambda export: replace_last(export, "items.parquet", "metadata", '{"a": {"b": 1}}'), "the metadata 'a' is"),
    (lambda export: replace_last(export, "items.parquet", "metadata", '{"a": NaN}'), "the metadata 'a' is nan"),
    (lambda export: replace_last(export, "items.parquet", "metadata", '{"price": "x"}'), "'price' is a text"),
    (lambda export: replace_last(export, "items.parquet", "metadata", '{"a": "\\ud800"}'), "the metadata 'a' is"),
    (lambda export: replace_last(export, "items.parquet", "metadata", "[" * 100_000), "cannot be read as Parquet"),
    (lambda export: replace_last(export, "items.parquet", "metadata", "[1]"), "the metadata is a list"),
    (lambda export: replace_last(export, "items.parquet", "failure", "not a picture"), "is added and has failed"),
    (lambda export: replace_last(export, "items.parquet", "picture", b"/a/../b"), "is not normalized"),
    (lambda export: replace_in_all(export, "text", "x"), "has values that only an added item has"),
    (lambda export: replace_picture(export, "data", b"other"), "whose hash differs"),
    (lambda export: replace_picture(export, "hash", b""), "whose hash differs"),
    (lambda export: replace_picture(export, "kind", "../x"), "has a picture of kind '../x'"),
    (lambda export: replace_picture(export, "item_id", 1), "has a picture of item 1, which is missing or has another"),
    (lambda export: replace_picture(export, "item_id", 10**6), "has a picture of item 1000000, which is missing"),
    (lambda export: replace_picture(export, "data", None), "column 'data' .* has an empty value"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_a_hostile_export_is_refused_and_nothing_is_imported(
    export: Path, import_into: Import, change: Callable[[Path], None], message: str, other_place: OtherPlace
) -> None:
    change(export)
    with pytest.raises(TransferError, match=message):
        import_into(export)
    new = other_place("new")
    assert [count(new, table) for table in ("items", "sources", "item_pictures", "metadata_values")] == [0, 0, 0, 0]
    assert picture_files(new) == []


def test_a_picture_of_a_file_is_refused(export: Path, import_into: Import) -> None:
    table = pq.read_table(export / "pictures.parquet")
    ids = pa.array([1, *table["item_id"].to_pylist()[1:]], pa.int64())
    forge(export, "pictures.parquet", table.set_column(0, "item_id", ids))
    with pytest.raises(TransferError, match="has a picture of kind 'original' of item 1, which cannot have it"):
        import_into(export)


def test_the_program_exports_and_imports_added_items(
    library: Library, recall_program: Program, export: Path, tmp_path: Path
) -> None:
    library.close()
    other = ("--library", str(tmp_path / "other.recall"))
    imported = recall_program("import", str(export), *other)
    assert (imported.returncode, imported.stdout.split(" in ")[0]) == (0, "7 added"), imported.stderr
    listed = recall_program("list", "--json", *other)
    ids = [json.loads(line)["id"] for line in listed.stdout.splitlines()]
    assert {"shoe", "hat/1", "large", "small", "vector"} <= set(ids)


def test_clip_retrieval_gets_the_added_items_whose_picture_is_a_file(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    add_all(library, folder)
    library.add(images=[paint(tmp_path / "own.png", "lime")], ids=["own"])
    report = library.export(tmp_path / "clip", format="clip-retrieval")
    table = pq.read_table(report.folder / "metadata" / "metadata_0.parquet")
    files = [str(tmp_path / "own.png"), str(folder / "red.png"), str(folder / "red.png")]
    assert sorted(table["image_path"].to_pylist()) == sorted(files)
    assert {"uri", "text", "metadata"}.isdisjoint(table.schema.names)
    assert (report.items, report.skipped) == (3, 5)
