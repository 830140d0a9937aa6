"""Tables as sources: a row is an item with text, a picture, or both."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval import Library
from retrieval.cli.exit_codes import ExitCode
from tests.support.color_photos import advance_mtime, paint
from tests.support.contents import count
from tests.support.encoders import FakeEncoder
from tests.support.program import Program
from tests.support.tables import COLUMNS, ROWS, row_failures, row_units, write_table


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_a_row_is_an_item_whose_picture_comes_before_its_text(library: Library, table_folder: Path, name: str) -> None:
    table = write_table(table_folder / name, ROWS)
    assert library.sync(table, **COLUMNS).added == 3
    assert row_units(library) == [
        ("a", "photo", "red.png", "photo", None),
        ("a", "photo", "red.png", "text", "a red house"),
        ("b", "text", None, "text", "a lime parrot"),
        ("c", "photo", "blue.png", "photo", None),
    ]
    assert [hit.path.name for hit in library.search("lime", k=1)] == [name]
    assert [hit.path.name for hit in library.search("blue", k=1)] == ["blue.png"]
    assert library.check() == []
    assert (library.status().photos, library.status().texts) == (2, 1)


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_only_changed_rows_are_encoded_again(
    library: Library, table_folder: Path, encoder: FakeEncoder, name: str
) -> None:
    table = write_table(table_folder / name, ROWS)
    library.sync(table, **COLUMNS)
    encoder.texts.clear()
    assert library.sync().unchanged == 3  # the columns are stored
    changed = [ROWS[2], ROWS[1] | {"caption": "a blue parrot"}, ROWS[0] | {"note": "x"}, ROWS[1] | {"id": "d"}]
    write_table(table, changed)  # moved, changed, and another value in a column that is not indexed
    report = library.sync()
    assert (report.added, report.changed, report.unchanged, report.removed) == (1, 1, 2, 0)
    assert encoder.texts == ["a blue parrot", "a lime parrot"]
    assert encoder.pictures == [2]
    write_table(table, changed[:1])
    assert library.sync().removed == 3
    assert library.check() == []


def test_a_changed_picture_changes_its_row(library: Library, table_folder: Path, encoder: FakeEncoder) -> None:
    table = write_table(table_folder / "t.csv", ROWS)
    library.sync(table, **COLUMNS)
    advance_mtime(paint(table_folder / "red.png", "yellow"))
    assert [problem.subject for problem in library.check()] == [str(table_folder / "red.png")]
    assert library.sync().changed == 1
    assert library.search("yellow", k=1)[0].path == table_folder / "red.png"


def test_rows_that_share_a_picture_share_its_encoding(
    library: Library, table_folder: Path, encoder: FakeEncoder
) -> None:
    table = [{"caption": f"lime {number}", "image": "red.png"} for number in range(5)]
    assert (
        library.sync(write_table(table_folder / "t.csv", table), text_columns=["caption"], image_column="image").added
        == 5
    )
    assert encoder.pictures == [4]  # the picture, and black ones that fill up the batch
    assert [hit.path.name for hit in library.search("red", k=9, kind="photos")] == ["red.png"] * 5


def test_without_ids_rows_are_identified_by_number(library: Library, table_folder: Path) -> None:
    library.sync(write_table(table_folder / "t.csv", ROWS), text_columns=["caption", "note"])
    assert [(row, text) for row, *_, text in row_units(library)] == [
        ("1", "a red house"),
        ("1", "first"),
        ("2", "a lime parrot"),
        ("2", "second"),
    ]
    assert row_failures(library) == {"3": "empty"}


def test_a_table_in_an_indexed_folder_is_a_source_of_its_own(library: Library, table_folder: Path) -> None:
    library.sync(table_folder)
    table = write_table(table_folder / "t.csv", ROWS)
    library.sync(table, **COLUMNS)
    assert library.sync().unchanged == 2 + 3
    assert len(library.search("red", k=9, folder=table)) == 3
    assert len(library.search("red", k=9, folder=table_folder)) == 5
    assert library.forget(table) == 3
    assert (library.status().photos, library.status().texts) == (2, 0)
    assert [source.root for source in library.status().sources] == [str(table_folder)]


def test_a_deleted_table_keeps_its_rows_and_check_reports_it(library: Library, table_folder: Path) -> None:
    table = write_table(table_folder / "t.csv", ROWS)
    library.sync(table_folder, table, **COLUMNS)
    table.unlink()
    assert library.sync().removed == 0
    assert [problem.kind for problem in library.check()] == ["missing"]
    assert library.check()[0].subject == f"{table} (No such file or directory)"


def test_thousands_of_rows_and_a_large_cell_are_indexed(library: Library, table_folder: Path) -> None:
    table = [{"id": number, "caption": "red " * (20_000 if number == 7 else 3)} for number in range(3000)]
    assert (
        library.sync(write_table(table_folder / "t.csv", table), text_columns=["caption"], id_column="id").added == 3000
    )
    assert count(library, "units") == 2999 + 2500  # 20,000 words, 8 a chunk
    assert library.sync().unchanged == 3000


def test_the_program_indexes_a_table_of_real_photos(recall_program: Program, photos: Path) -> None:
    table_rows = [
        {"file": name, "note": note} for name, note in (("chelsea.png", "my cat"), ("rocket.jpg", "lift-off"))
    ]
    table = write_table(photos / "captions.csv", [*table_rows, {"file": "../../secret.png", "note": "no"}])
    done = recall_program("index", table, "--text-column", "note", "--image-column", "file", "--id-column", "file")
    assert (done.returncode, done.stdout.split(" in ")[0]) == (ExitCode.SOME_FAILED, "2 added, 1 failed")
    assert "captions.csv: ../../secret.png: its picture" in done.stderr
    assert recall_program("index").stdout.startswith("0 added, 2 unchanged, 1 failed in ")
    assert "captions.csv" in recall_program("status").stdout
    assert ", text note, image file, id file)" in recall_program("status").stdout
    hit = recall_program("search", "a rocket", "-k", "1", "--all", "--paths").stdout.strip()
    assert Path(hit).name == "rocket.jpg"
