"""Export and import with Recall's own format: the other library is equal, bit for bit."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.catalog.schema import ITEMS, UNITS
from indexer.errors import EncoderMismatchError, LibraryLockedError, MissingPackageError, TransferError
from indexer.transfer import import_items, parquet
from retrieval import Library, Progress
from tests.support.color_photos import paint, paint_many
from tests.support.contents import Place, count, rows
from tests.support.encoders import FakeEncoder
from tests.support.records import ADDED_COLUMNS, FIXED_COLUMNS, fill_every_column, read_catalog, stored_vector

Import = Callable[..., tuple[Place, Any]]
OtherPlace = Callable[[str], Place]


def test_an_imported_library_is_equal(filled: Library, export: Path, import_into: Import) -> None:
    new, report = import_into(export)
    assert (report.added, report.existing, report.failed) == (3, 0, 1)
    before = read_catalog(filled)
    assert read_catalog(new) == before
    tables = ("sources", "items", "tags", "people", "places", "units", "embeddings")
    assert [len(before[table]) for table in tables] == [2, 4, 2, 1, 2, 3, 3]


def test_every_column_of_items_and_units_is_exported(filled: Library, tmp_path: Path, import_into: Import) -> None:
    names = fill_every_column(filled)
    assert len(names) == len(ITEMS.c) + len(UNITS.c) - len(FIXED_COLUMNS | ADDED_COLUMNS) - 1  # both have an id
    new, _ = import_into(filled.export(tmp_path / "full").folder)
    assert read_catalog(new) == read_catalog(filled)


@pytest.mark.folder
def test_full_text_search_works_after_an_import(export: Path, import_into: Import) -> None:
    new, _ = import_into(export)
    found = rows(
        new, "SELECT units.text FROM units JOIN unit_words ON unit_words.rowid = units.id WHERE unit_words MATCH 'wall'"
    )
    assert found == [("a red wall",)]


def test_embeddings_of_inactive_encoders_are_exported(filled: Library, tmp_path: Path, import_into: Import) -> None:
    preprocess = rows(filled, "SELECT preprocess FROM encoders")[0][0]
    rows(
        filled,
        "INSERT INTO encoders (id, name, fingerprint, dim, preprocess, added_at) "
        "VALUES (7, 'b', 'ff', 4, ?, '2024-01-01 00:00:00.000000')",
        preprocess,
    )
    vector = stored_vector(0, 0, 0.6, 0.8)
    rows(filled, "INSERT INTO embeddings (unit_id, encoder_id, vector) VALUES (1, 7, ?)", vector)
    new, _ = import_into(filled.export(tmp_path / "both").folder)
    assert read_catalog(new) == read_catalog(filled)
    with Library.open(new, encoder=FakeEncoder()) as library:
        assert [hit.path.name for hit in library.search("red", k=1)] == ["red.png"]


def test_a_sync_after_an_import_encodes_nothing(export: Path, import_into: Import, same_encoder: FakeEncoder) -> None:
    new, _ = import_into(export)
    with Library.open(new, encoder=same_encoder) as library:
        assert library.check() == []
        report = library.sync()
    assert (report.unchanged, report.failed, report.added + report.changed + report.moved + report.removed) == (3, 1, 0)
    assert same_encoder.pictures == []


def test_photos_in_another_folder_of_the_new_machine_are_recognised(
    export: Path, folder: Path, tmp_path: Path, import_into: Import, same_encoder: FakeEncoder
) -> None:
    folder.rename(tmp_path / "elsewhere")
    new, _ = import_into(export, roots={f"{folder}{os.sep}": tmp_path / "elsewhere"})
    with Library.open(new, encoder=same_encoder) as library:
        assert [hit.path for hit in library.search("lime", k=1)] == [tmp_path / "elsewhere" / "inner" / "lime.png"]
        assert library.check() == []
        assert library.sync().unchanged == 3
        assert [source.root for source in library.status().sources] == [
            str(tmp_path / "elsewhere"),
            str(tmp_path / "elsewhere" / "inner"),
        ]
    assert same_encoder.pictures == []


def test_the_longer_of_two_matching_roots_counts(
    export: Path, folder: Path, tmp_path: Path, import_into: Import
) -> None:
    new, _ = import_into(export, roots={str(folder): "/a", str(folder / "inner"): "/b/c"})
    paths = [path for (path,) in rows(new, "SELECT path FROM items ORDER BY path")]
    assert paths == [b"/a/blue.png", b"/a/broken.png", b"/a/red.png", b"/b/c/lime.png"]


def test_the_message_about_an_unused_root_names_the_folders_of_the_export(
    export: Path, folder: Path, import_into: Import
) -> None:
    with pytest.raises(TransferError, match=f"this export has nothing at '/slip'; it has: {folder}"):
        import_into(export, roots={"/slip": "/photos"})


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not valid UTF-8")
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(
        st.binary(min_size=1, max_size=40).filter(
            lambda name: not set(b"/\0") & set(name) and name not in (b".", b"..")
        ),
        min_size=5,
        max_size=20,
        unique=True,
    )
)
def test_any_file_name_is_restored(names: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("names")
    photos = folder / "photos \u00e9"
    for name in names:
        paint(photos / (os.fsdecode(name) + ".png"), "red")
    with Library.open(folder / "a.recall", encoder=FakeEncoder()) as library:
        library.sync(photos, include_hidden=True)
        library.export(folder / "export")
    with Library.open(folder / "b.recall") as library:
        library.import_(folder / "export")
    assert read_catalog(folder / "b.recall") == read_catalog(folder / "a.recall")
    assert count(folder / "b.recall", "items") == len(names)


def test_rows_and_pictures_of_a_table_are_translated_with_it(
    filled: Library, tmp_path: Path, import_into: Import, folder: Path
) -> None:
    path, picture = os.fsencode(folder / "t.csv") + b"\0" + b"7/../x", os.fsencode(folder / "red.png")
    rows(filled, "UPDATE items SET path = ?, picture = ?, modality = 'text' WHERE name = 'blue.png'", path, picture)
    new, _ = import_into(filled.export(tmp_path / "rows").folder, roots={str(folder): "/data"})
    found = rows(new, "SELECT path, picture FROM items WHERE picture IS NOT NULL")
    assert found == [(b"/data/t.csv\x007/../x", b"/data/red.png")]


def test_an_existing_item_is_kept_unless_replace_is_set(filled: Library, export: Path, folder: Path) -> None:
    rows(filled, "UPDATE items SET camera = 'mine'")
    rows(filled, "DELETE FROM items WHERE name = 'blue.png'")
    report, cameras = filled.import_(export), "SELECT camera FROM items ORDER BY path"
    assert (report.added, report.replaced, report.existing, report.failed) == (1, 0, 3, 0)
    assert rows(filled, cameras) == [(None,), ("mine",), ("mine",), ("mine",)]
    report = filled.import_(export, replace=True)
    assert (report.added, report.replaced, report.existing, report.failed) == (0, 3, 0, 1)
    assert rows(filled, cameras) == [(None,)] * 4
    assert filled.check() == []


def test_items_belong_to_the_most_specific_source_of_the_library(
    export: Path, folder: Path, other_place: OtherPlace, import_into: Import, same_encoder: FakeEncoder
) -> None:
    paint(folder / "inner" / "cyan.png", "cyan")
    with Library.open(other_place("new"), encoder=same_encoder) as library:
        library.sync(folder, exclude=["red.png", "blue.png", "lime.png", "broken.png"])  # this library has one source
    new, _ = import_into(export)
    owners = "SELECT items.name, sources.root FROM items JOIN sources ON sources.id = source_id ORDER BY items.name"
    inner, outer = os.fsencode(folder / "inner"), os.fsencode(folder)
    assert rows(new, owners) == [
        ("blue.png", outer),
        ("broken.png", outer),
        ("cyan.png", inner),
        ("lime.png", inner),
        ("red.png", outer),
    ]


def test_vectors_of_another_encoder_are_refused(export: Path, tmp_path: Path, folder: Path) -> None:
    other = FakeEncoder(name="fake/other", fingerprint="d1" * 20)
    with Library.open(tmp_path / "other.recall", encoder=other) as library:
        library.sync(folder)
        before = read_catalog(library)
        with pytest.raises(EncoderMismatchError, match=r"'fake/other' \(fingerprint d1d1d1d1\).*'fake/colours' \(c0c0"):
            library.import_(export)
        assert read_catalog(library) == before


def test_the_named_encoder_must_be_that_of_the_export(export: Path, import_into: Import) -> None:
    with pytest.raises(EncoderMismatchError, match=r"another encoder than 'x/y' .*; leave out --encoder"):
        import_into(export, encoder=FakeEncoder(name="x/y", fingerprint="e2" * 20))


def test_a_stopped_import_keeps_committed_batches_and_the_next_completes_it(
    filled: Library, tmp_path: Path, import_into: Import, monkeypatch: pytest.MonkeyPatch, other_place: OtherPlace
) -> None:
    paint_many(tmp_path / "many", 25)
    filled.sync(tmp_path / "many")
    export = filled.export(tmp_path / "export").folder
    monkeypatch.setattr(import_items, "BATCH", 10)

    def stop(progress: Progress) -> None:  # not while all items are checked
        if progress.stage == "importing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_into(export, progress=stop)
    assert count(other_place("new"), "items") == 10
    new, report = import_into(export)
    assert (report.added + report.failed, report.existing) == (19, 10)
    assert read_catalog(new) == read_catalog(filled)
    with Library.open(new, encoder=FakeEncoder()) as library:
        assert library.check() == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyboardInterrupt(), "^$"),
        (
            OSError(28, "No space left on device"),
            r"export cannot be written \(No space left on device\) and was discarded",
        ),
    ],
    ids=["ctrl-c", "full"],
)
def test_a_stopped_export_leaves_nothing(filled: Library, tmp_path: Path, error: BaseException, message: str) -> None:
    def stop(progress: object) -> None:
        raise error

    with pytest.raises((KeyboardInterrupt, TransferError), match=message):
        filled.export(tmp_path / "export", progress=stop)
    assert {path.name for path in tmp_path.iterdir()} - {"test.recall"} == {"pictures"}


def test_an_export_overwrites_nothing(filled: Library, export: Path) -> None:
    with pytest.raises(TransferError, match="exists already; name a new folder"):
        filled.export(export)


@pytest.mark.folder
def test_damaged_embeddings_are_left_out_and_logged(
    filled: Library, tmp_path: Path, import_into: Import, caplog: pytest.LogCaptureFixture
) -> None:
    rows(filled, "UPDATE embeddings SET vector = ? WHERE unit_id = 1", stored_vector(float("nan"), 0, 0))
    rows(filled, "UPDATE embeddings SET vector = x'00' WHERE unit_id = 2")
    report = filled.export(tmp_path / "left")
    assert (report.vectors, report.skipped) == (1, 2)
    assert "damaged embeddings left out: 2; run: recall check" in caplog.text
    new, _ = import_into(report.folder)
    assert (count(new, "units"), count(new, "embeddings")) == (3, 1)


def test_vectors_and_paths_are_readable_with_pyarrow(export: Path, folder: Path) -> None:
    items = pq.read_table(export / "items.parquet").to_pylist()
    by_path = {item["relative"]: item for item in items}
    assert by_path[b"red.png"]["path"] == os.fsencode(folder / "red.png")
    assert [by_path[b"red.png"][name] for name in ("tags", "people")] == [["Familie", "Strand"], ["Ada Lovelace"]]
    assert sorted(by_path) == [
        b"blue.png",
        b"broken.png",
        b"lime.png",
        b"red.png",
    ]  # lime.png is relative to its own source
    units = pq.read_table(export / "units.parquet")
    (column,) = [entry["column"] for entry in json.loads((export / "manifest.json").read_text())["encoders"]]
    vectors = np.stack(units.column(column).to_numpy())
    assert vectors.dtype == np.float16
    assert sorted(vectors.tolist()) == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]  # pure blue, lime and red


def test_row_groups_are_written_when_they_are_full(
    filled: Library, tmp_path: Path, import_into: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP", 2)
    export = filled.export(tmp_path / "groups").folder
    assert [pq.ParquetFile(export / f"{name}.parquet").num_row_groups for name in ("items", "units")] == [2, 2]
    assert read_catalog(import_into(export)[0]) == read_catalog(filled)


def test_an_empty_library_can_be_exported_and_imported(tmp_path: Path, import_into: Import) -> None:
    with Library.open(tmp_path / "empty.recall") as library:
        export = library.export(tmp_path / "nothing").folder
    new, report = import_into(export)
    assert (report.added, count(new, "items")) == (0, 0)


def test_an_import_fails_while_another_process_writes(export: Path, filled: Library) -> None:
    other = Library.open(filled.name, wait=0)
    with other, filled._store.writing("indexing"), pytest.raises(LibraryLockedError):
        other.import_(export)


def test_without_pyarrow_the_error_says_what_to_install(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.transfer.find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'recall-photos\[tables\]'"):
        filled.export(tmp_path / "export")
