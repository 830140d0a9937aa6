"""Tables as sources: a row is an item, with its text, its picture, or both."""

from __future__ import annotations

import os
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from indexer.documents.table import MAX_LINE
from indexer.errors import NoPhotosError, SourceError
from retrieval import Library
from retrieval.cli.exit_codes import ExitCode
from tests.support.color_photos import advance_mtime, paint
from tests.support.contents import contents, count, rows
from tests.support.encoders import FakeEncoder
from tests.support.program import Program
from tests.support.tables import write_table

ROWS: list[dict[str, Any]] = [
    {"id": "a", "caption": "a red house", "image": "red.png", "note": "first"},
    {"id": "b", "caption": "a lime parrot", "image": "", "note": "second"},
    {"id": "c", "caption": "", "image": "sub/blue.png", "note": ""},
]
COLUMNS: dict[str, Any] = {"text_columns": ["caption"], "image_column": "image", "id_column": "id"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with the pictures that the rows name."""
    folder = tmp_path / "set"
    paint(folder / "red.png", "red")
    paint(folder / "sub" / "blue.png", "blue")
    return folder


def kept(library: Library) -> list[tuple[Any, ...]]:
    """Return of every unit its row, item kind, picture's name, kind and text."""
    found = rows(
        library.path,
        "SELECT path, modality, picture, kind, text FROM items JOIN units ON item_id = items.id "
        "ORDER BY items.path, position",
    )
    return [
        (path.split(b"\0")[1].decode(), modality, picture and Path(os.fsdecode(picture)).name, kind, text)
        for path, modality, picture, kind, text in found
    ]


def failed(library: Library) -> dict[str | None, str]:
    return {failure.row: failure.kind for failure in library.failures()}


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_rows_are_items_with_their_picture_first_and_then_their_text(library: Library, place: Path, name: str) -> None:
    table = write_table(place / name, ROWS)
    assert library.sync(table, **COLUMNS).added == 3
    assert kept(library) == [
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
def test_only_what_changed_is_encoded_again(library: Library, place: Path, encoder: FakeEncoder, name: str) -> None:
    table = write_table(place / name, ROWS)
    library.sync(table, **COLUMNS)
    encoder.texts.clear()
    assert library.sync().unchanged == 3  # the columns are remembered
    changed = [ROWS[2], ROWS[1] | {"caption": "a blue parrot"}, ROWS[0] | {"note": "x"}, ROWS[1] | {"id": "d"}]
    write_table(table, changed)  # moved, changed, and another value in a column that does not count
    report = library.sync()
    assert (report.added, report.changed, report.unchanged, report.removed) == (1, 1, 2, 0)
    assert encoder.texts == ["a blue parrot", "a lime parrot"]
    assert encoder.pictures == [2]
    write_table(table, changed[:1])
    assert library.sync().removed == 3
    assert library.check() == []


def test_a_picture_that_changes_changes_its_row(library: Library, place: Path, encoder: FakeEncoder) -> None:
    table = write_table(place / "t.csv", ROWS)
    library.sync(table, **COLUMNS)
    advance_mtime(paint(place / "red.png", "yellow"))
    assert [problem.subject for problem in library.check()] == [str(place / "red.png")]
    assert library.sync().changed == 1
    assert library.search("yellow", k=1)[0].path == place / "red.png"


def test_rows_that_share_a_picture_share_its_encoding(library: Library, place: Path, encoder: FakeEncoder) -> None:
    table = [{"caption": f"lime {number}", "image": "red.png"} for number in range(5)]
    assert library.sync(write_table(place / "t.csv", table), text_columns=["caption"], image_column="image").added == 5
    assert encoder.pictures == [1]
    assert [hit.path.name for hit in library.search("red", k=9, kind="photos")] == ["red.png"] * 5


def test_without_ids_rows_are_told_apart_by_their_number(library: Library, place: Path) -> None:
    library.sync(write_table(place / "t.csv", ROWS), text_columns=["caption", "note"])
    assert [(row, text) for row, *_, text in kept(library)] == [
        ("1", "a red house"),
        ("1", "first"),
        ("2", "a lime parrot"),
        ("2", "second"),
    ]
    assert failed(library) == {"3": "empty"}


def test_only_pictures_in_the_tables_folder_are_read(library: Library, place: Path, tmp_path: Path) -> None:
    secret = paint(tmp_path / "secret.png", "red")
    (place / "link.png").symlink_to(secret)
    (place / "away").symlink_to(tmp_path)
    names = {
        "inside": str(place / "red.png"),
        "around": "sub/../red.png",
        "absolute": str(secret),
        "above": "../secret.png",
        "deep": "sub/../../secret.png",
        "link": "link.png",
        "through": "away/secret.png",
        "passwd": "/etc/passwd",
        "folder": ".",
        "url": "https://example.com/a.png",
        "missing": "none.png",
        "nul": "a\0b",
        "long": "x" * 5000,
        "subfolder": "sub",
    }
    table = write_table(place / "t.jsonl", [{"id": id_, "image": name} for id_, name in names.items()])
    library.sync(table, image_column="image", id_column="id")
    assert [row for row, *_ in kept(library)] == ["around", "inside"]
    outside = dict.fromkeys(("absolute", "above", "deep", "link", "through", "passwd", "folder"), "outside")
    unreadable = dict.fromkeys(("url", "missing", "nul", "long", "subfolder"), "unreadable")
    assert failed(library) == outside | unreadable
    paint(place / "none.png", "lime")
    assert library.sync().changed >= 1  # it is there now


def test_ids_have_to_be_there_and_to_differ(library: Library, place: Path) -> None:
    ids: list[Any] = [1, "1", None, float("nan"), "  ", {"a": 1}, "x" * 600, 1.5, True, "a\0b"]
    table = write_table(place / "t.jsonl", [{"id": id_, "caption": f"red {id_}"[:20]} for id_ in ids])
    library.sync(table, text_columns=["caption"], id_column="id")
    assert [row for row, *_ in kept(library)] == ["1", "1.5", "True", "a b"]
    kinds = failed(library)
    assert kinds == {
        "1 (row 2)": "bad-row",
        "row 3": "bad-row",
        "row 4": "bad-row",
        "row 5": "bad-row",
        "row 6": "not-text",
        "row 7": "bad-row",
    }
    assert library.sync().unchanged == 4
    assert failed(library) == kinds


def test_odd_cells(library: Library, place: Path) -> None:
    cells: list[Any] = [
        7,
        1.5,
        True,
        None,
        ["a red house", "a lime parrot"],
        {"en": "red"},
        "\ud800 red",
        "a\0b",
        "",
        "NA",
    ]
    table = write_table(place / "t.jsonl", [{"caption": cell} for cell in cells])
    library.sync(table, text_columns=["caption"])
    assert [(row, text) for row, *_, text in kept(library)] == [
        ("1", "7"),
        ("10", "NA"),
        ("2", "1.5"),
        ("3", "True"),
        ("5", "a red house"),
        ("5", "a lime parrot"),
        ("7", "? red"),
        ("8", "a b"),
    ]
    assert failed(library) == {"4": "empty", "6": "not-text", "9": "empty"}


def test_damaged_lines_are_failures_of_their_rows(library: Library, place: Path) -> None:
    (place / "t.csv").write_text('id,caption\na,red\nb\nc,lime,x\n\nd,"blue"x\ne,"two\nlines"\n')
    library.sync(place / "t.csv", text_columns=["caption"], id_column="id")
    assert [(row, text) for row, *_, text in kept(library)] == [("a", "red"), ("e", "two\nlines")]
    assert {failure.row: failure.message for failure in library.failures()} == {
        "b": "line 3 has 1 cells, expected 2",
        "c": "line 4 has 3 cells, expected 2",
        "row 4": "line 6 is damaged (',' expected after '\"')",
    }
    (place / "u.jsonl").write_text('{"caption": "red"}\n{"caption"\n[1]\n' + "[" * 100_000 + "\n")
    library.sync(place / "u.jsonl", text_columns=["caption"])
    assert {row: kind for row, kind in failed(library).items() if row in ("1", "2", "3", "4")} == dict.fromkeys(
        "234", "bad-row"
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_marks_and_old_encodings(library: Library, place: Path, encoding: str) -> None:
    (place / "t.csv").write_text("caption,id\nred café,1\n", encoding=encoding)
    library.sync(place / "t.csv", text_columns=["caption"], id_column="id")
    assert [row[-1] for row in kept(library)] == ["red café"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "id,caption\na,red\n", "has no column 'text'; its columns are: id, caption"),
        ("t.jsonl", '{"id": 1}\n{"caption": "x"}\n', "has no column 'text'; its columns are: id, caption"),
        ("t.csv", "text,text\na,b\n", "has two columns 'text'"),
        ("t.csv", "", "has no column 'text'; its columns are: none"),
        ("t.csv", b"\x89PNG\r\n\x1a\n\0\0", "has no column 'text'"),
        ("t.csv", 'text\nred\n"lime\nblue\n', "cannot be read from line 3 on"),
        ("t.csv", "text\n" + "x" * (MAX_LINE + 1), "line 2 has 10,000,000 characters or more"),
        ("t.jsonl", "x" * (MAX_LINE + 1), "line 1 has 10,000,000 characters or more"),
        ("t.csv", b"\xff\xfet\0e\0x\0t\0\n\0x", "has a byte order mark of utf-16-le but is not valid utf-16-le"),
        ("t.parquet", "PAR1 but not really", "is not a valid Parquet file"),
        ("t.csv", "text\n", "contains no photos or texts now, but the library has 2 from it"),
        ("t.jsonl", "\n\n", "contains no photos or texts now, but the library has 2 from it"),
    ],
)
def test_a_table_that_cannot_be_read_changes_nothing(
    library: Library, place: Path, name: str, content: str | bytes, said: str
) -> None:
    table = write_table(place / name, [{"text": "a red house"}, {"text": "a lime parrot"}])
    library.sync(table, text_columns=["text"])
    before = contents(library.path)
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SourceError, match=re.escape(said)):
        library.sync(table)
    assert contents(library.path) == before


def test_a_parquet_file_that_ends_early_changes_nothing(library: Library, place: Path) -> None:
    table = write_table(place / "t.parquet", [{"text": f"red {number}"} for number in range(5000)])
    library.sync(write_table(place / "t.parquet", [{"text": "red"}]), text_columns=["text"])
    noise = Random(5)
    write_table(table, [{"text": noise.randbytes(50).hex()} for _ in range(5000)])
    data = bytearray(table.read_bytes())
    data[1000:90_000] = noise.randbytes(89_000)
    table.write_bytes(data)
    with pytest.raises(SourceError, match=r"t.parquet is damaged after row 0"):
        library.sync(table)
    assert count(library.path, "items") == 1


def test_a_table_needs_columns_and_columns_a_table(library: Library, place: Path) -> None:
    table = write_table(place / "t.csv", ROWS)
    with pytest.raises(SourceError, match=re.escape("--image-column NAME; its columns are: id, caption, image, note")):
        library.sync(table)
    with pytest.raises(SourceError, match=r"no path is a table; name one ending in \.csv, \.jsonl, \.parquet"):
        library.sync(place, text_columns=["caption"])
    with pytest.raises(NoPhotosError, match="none of the 1 rows in"):
        library.sync(write_table(place / "u.csv", [{"image": "none.png"}]), image_column="image")
    with pytest.raises(TypeError, match="expected a sequence"):
        library.sync(table, text_columns="caption")


def test_a_pipe_is_no_table(library: Library, place: Path) -> None:
    os.mkfifo(place / "t.csv")
    with pytest.raises(SourceError, match="is not a regular file; expected a table"):
        library.sync(place / "t.csv", text_columns=["caption"])


def test_a_table_in_an_indexed_folder_is_a_source_of_its_own(library: Library, place: Path) -> None:
    library.sync(place)
    table = write_table(place / "t.csv", ROWS)
    library.sync(table, **COLUMNS)
    assert library.sync().unchanged == 2 + 3
    assert len(library.search("red", k=9, folder=table)) == 3
    assert len(library.search("red", k=9, folder=place)) == 5
    assert library.forget(table) == 3
    assert (library.status().photos, library.status().texts) == (2, 0)
    assert [source.root for source in library.status().sources] == [str(place)]


def test_a_table_that_is_gone_keeps_its_rows_and_check_names_it(library: Library, place: Path) -> None:
    table = write_table(place / "t.csv", ROWS)
    library.sync(place, table, **COLUMNS)
    table.unlink()
    assert library.sync().removed == 0
    assert [problem.kind for problem in library.check()] == ["missing"]
    assert library.check()[0].subject == f"{table} (No such file or directory)"


def test_thousands_of_rows_and_a_huge_cell(library: Library, place: Path) -> None:
    table = [{"id": number, "caption": "red " * (20_000 if number == 7 else 3)} for number in range(3000)]
    assert library.sync(write_table(place / "t.csv", table), text_columns=["caption"], id_column="id").added == 3000
    assert count(library.path, "units") == 2999 + 2500  # 20,000 words, 8 a chunk
    assert library.sync().unchanged == 3000


def test_the_program_indexes_a_table_of_real_photos(recall_program: Program, photos: Path) -> None:
    rows_ = [{"file": name, "said": said} for name, said in (("chelsea.png", "my cat"), ("rocket.jpg", "lift-off"))]
    table = write_table(photos / "captions.csv", [*rows_, {"file": "../../secret.png", "said": "no"}])
    done = recall_program("index", table, "--text-column", "said", "--image-column", "file", "--id-column", "file")
    assert (done.returncode, done.stdout.split(" in ")[0]) == (ExitCode.SOME_FAILED, "2 added, 1 failed")
    assert "captions.csv: ../../secret.png: its picture" in done.stderr
    assert recall_program("index").stdout.startswith("0 added, 2 unchanged, 1 failed in ")
    assert "captions.csv" in recall_program("status").stdout
    assert ", text said, image file, id file)" in recall_program("status").stdout
    hit = recall_program("search", "a rocket", "-k", "1", "--all", "--paths").stdout.strip()
    assert Path(hit).name == "rocket.jpg"
