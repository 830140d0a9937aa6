"""Invalid rows are failures, and a table that cannot be read changes nothing."""

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
from tests.support.color_photos import paint
from tests.support.contents import contents, count
from tests.support.tables import ROWS, row_failures, row_units, write_table


def test_only_pictures_in_the_tables_folder_are_read(library: Library, table_folder: Path, tmp_path: Path) -> None:
    secret = paint(tmp_path / "secret.png", "red")
    (table_folder / "link.png").symlink_to(secret)
    (table_folder / "linked").symlink_to(tmp_path)
    names = {
        "inside": str(table_folder / "red.png"),
        "around": "sub/../red.png",
        "absolute": str(secret),
        "above": "../secret.png",
        "deep": "sub/../../secret.png",
        "link": "link.png",
        "through": "linked/secret.png",
        "passwd": "/etc/passwd",
        "folder": ".",
        "url": "https://example.com/a.png",
        "missing": "none.png",
        "nul": "a\0b",
        "long": "x" * 5000,
        "subfolder": "sub",
    }
    table = write_table(table_folder / "t.jsonl", [{"id": id_, "image": name} for id_, name in names.items()])
    library.sync(table, image_column="image", id_column="id")
    assert [row for row, *_ in row_units(library)] == ["around", "inside"]
    outside = dict.fromkeys(("absolute", "above", "deep", "link", "through", "passwd", "folder"), "outside")
    unreadable = dict.fromkeys(("url", "missing", "nul", "long", "subfolder"), "unreadable")
    assert row_failures(library) == outside | unreadable
    paint(table_folder / "none.png", "lime")
    assert library.sync().changed >= 1  # it exists now


def test_ids_must_be_present_and_unique(library: Library, table_folder: Path) -> None:
    ids: list[Any] = [1, "1", None, float("nan"), "  ", {"a": 1}, "x" * 600, 1.5, True, "a\0b"]
    table = write_table(table_folder / "t.jsonl", [{"id": id_, "caption": f"red {id_}"[:20]} for id_ in ids])
    library.sync(table, text_columns=["caption"], id_column="id")
    assert [row for row, *_ in row_units(library)] == ["1", "1.5", "True", "a b"]
    kinds = row_failures(library)
    assert kinds == {
        "1 (row 2)": "bad-row",
        "row 3": "bad-row",
        "row 4": "bad-row",
        "row 5": "bad-row",
        "row 6": "not-text",
        "row 7": "bad-row",
    }
    assert library.sync().unchanged == 4
    assert row_failures(library) == kinds


def test_cells_of_any_type_are_text_or_a_failure(library: Library, table_folder: Path) -> None:
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
    table = write_table(table_folder / "t.jsonl", [{"caption": cell} for cell in cells])
    library.sync(table, text_columns=["caption"])
    assert [(row, text) for row, *_, text in row_units(library)] == [
        ("1", "7"),
        ("10", "NA"),
        ("2", "1.5"),
        ("3", "True"),
        ("5", "a red house"),
        ("5", "a lime parrot"),
        ("7", "? red"),
        ("8", "a b"),
    ]
    assert row_failures(library) == {"4": "empty", "6": "not-text", "9": "empty"}


def test_damaged_lines_are_failures_of_their_rows(library: Library, table_folder: Path) -> None:
    (table_folder / "t.csv").write_text('id,caption\na,red\nb\nc,lime,x\n\nd,"blue"x\ne,"two\nlines"\n')
    library.sync(table_folder / "t.csv", text_columns=["caption"], id_column="id")
    assert [(row, text) for row, *_, text in row_units(library)] == [("a", "red"), ("e", "two\nlines")]
    assert {failure.row: failure.message for failure in library.failures()} == {
        "b": "line 3 has 1 cells, expected 2",
        "c": "line 4 has 3 cells, expected 2",
        "row 4": "line 6 is damaged (',' expected after '\"')",
    }
    (table_folder / "u.jsonl").write_text('{"caption": "red"}\n{"caption"\n[1]\n' + "[" * 100_000 + "\n")
    library.sync(table_folder / "u.jsonl", text_columns=["caption"])
    assert {row: kind for row, kind in row_failures(library).items() if row in ("1", "2", "3", "4")} == dict.fromkeys(
        "234", "bad-row"
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_byte_order_marks_and_windows_1252_are_recognized(library: Library, table_folder: Path, encoding: str) -> None:
    (table_folder / "t.csv").write_text("caption,id\nred café,1\n", encoding=encoding)
    library.sync(table_folder / "t.csv", text_columns=["caption"], id_column="id")
    assert [row[-1] for row in row_units(library)] == ["red café"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
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
    library: Library, table_folder: Path, name: str, content: str | bytes, message: str
) -> None:
    table = write_table(table_folder / name, [{"text": "a red house"}, {"text": "a lime parrot"}])
    library.sync(table, text_columns=["text"])
    before = contents(library)
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SourceError, match=re.escape(message)):
        library.sync(table)
    assert contents(library) == before


def test_a_damaged_parquet_file_changes_nothing(library: Library, table_folder: Path) -> None:
    table = write_table(table_folder / "t.parquet", [{"text": f"red {number}"} for number in range(5000)])
    library.sync(write_table(table_folder / "t.parquet", [{"text": "red"}]), text_columns=["text"])
    noise = Random(5)
    write_table(table, [{"text": noise.randbytes(50).hex()} for _ in range(5000)])
    data = bytearray(table.read_bytes())
    data[1000:90_000] = noise.randbytes(89_000)
    table.write_bytes(data)
    with pytest.raises(SourceError, match=r"t.parquet is damaged after row 0"):
        library.sync(table)
    assert count(library, "items") == 1


def test_columns_and_a_table_must_be_given_together(library: Library, table_folder: Path) -> None:
    table = write_table(table_folder / "t.csv", ROWS)
    with pytest.raises(SourceError, match=re.escape("--image-column NAME; its columns are: id, caption, image, note")):
        library.sync(table)
    with pytest.raises(SourceError, match=r"no path is a table; name one ending in \.csv, \.jsonl, \.parquet"):
        library.sync(table_folder, text_columns=["caption"])
    with pytest.raises(NoPhotosError, match="no row in"):
        library.sync(write_table(table_folder / "u.csv", [{"image": "none.png"}]), image_column="image")
    with pytest.raises(TypeError, match="expected a list"):
        library.sync(table, text_columns="caption")


def test_a_pipe_is_not_a_table(library: Library, table_folder: Path) -> None:
    os.mkfifo(table_folder / "t.csv")
    with pytest.raises(SourceError, match="is not a regular file; expected a table"):
        library.sync(table_folder / "t.csv", text_columns=["caption"])


def test_a_parquet_file_of_two_kilobytes_that_stands_for_gigabytes_is_read_in_bounded_memory(
    library: Library, table_folder: Path
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    texts = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 128, pa.int32()), pa.array(["word " * 300_000, "red"]))
    parquet.write_table(pa.table({"text": texts}), table_folder / "t.parquet", compression="zstd")
    assert (table_folder / "t.parquet").stat().st_size < 10_000
    report = library.sync(table_folder / "t.parquet", text_columns=["text"])
    assert (report.added, report.failed) == (128, 128)
    assert "has 1,500,000 characters; expected less than 1,000,000" in library.failures()[0].message
