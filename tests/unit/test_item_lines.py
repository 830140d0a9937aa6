"""Items as JSON lines: what is read, and what is a failure with its line."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from indexer.errors import AddError
from retrieval.cli.item_lines import Columns, ItemLines, Line


def read(tmp_path: Path, *lines: object, columns: Columns | None = None) -> tuple[list[Line], list[tuple[int, str]]]:
    """Return the items of lines, given as values or as they are written, and line and message of each failure."""
    file = tmp_path / "items.jsonl"
    written = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    file.write_bytes(b"\n".join(written))
    source = ItemLines(str(file), columns or Columns())
    return list(source), [(failure.line, failure.message) for failure in source.failures]


def test_keys_without_a_meaning_are_metadata(tmp_path: Path) -> None:
    lines, failures = read(tmp_path, {"id": "a", "text": "b", "vector": [1, 2], "uri": "u", "price": 8, "tags": ["c"]})
    assert lines == [Line(1, "a", "b", None, [1, 2], "u", {"price": 8, "tags": ["c"]})]
    assert failures == []


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    columns = Columns(id="sku", text="name", picture="photo", vector="embedding", uri="link")
    row = {"sku": 7, "name": "b", "embedding": [1], "link": "u", "id": 3, "text": "metadata"}
    lines, _ = read(tmp_path, row, columns=columns)
    assert lines == [Line(1, "7", "b", None, [1], "u", {"id": 3, "text": "metadata"})]  # a number is an id


def test_empty_lines_a_byte_order_mark_and_line_ends_of_windows_are_no_failures(tmp_path: Path) -> None:
    lines, failures = read(tmp_path, b'\xef\xbb\xbf{"id": "a"}\r', b"", b"   ", b'{"id": "b"}')
    assert ([(line.number, line.id) for line in lines], failures) == ([(1, "a"), (4, "b")], [])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{broken", "it is not JSON (Expecting property name"),
        (b"[" * 100_000, "it is not JSON (maximum recursion depth exceeded"),
        ([1], "it is a list; expected an object"),
        (None, "it is a NoneType; expected an object"),
        (b'{"id": "\xff"}', "it is not UTF-8 (invalid start byte at byte 8)"),
        ({"picture": "data:image/png;base64,!!!"}, "the picture '!!!' is no file and no base64"),
        ({"picture": "no file of this name"}, "is no file and no base64"),
        ({"id": "first"}, "line 1 has the same id; expected another"),
    ],
    ids=str,
)
def test_a_line_that_is_no_item_is_a_failure_and_the_others_are_read(
    tmp_path: Path, line: object, message: str
) -> None:
    lines, failures = read(tmp_path, {"id": "first"}, line, {"id": "last"})
    assert [item.id for item in lines] == ["first", "last"]
    ((number, text),) = failures
    assert number == 2
    assert text.startswith(message) or message in text


def test_a_picture_is_a_path_below_the_file_or_base64(tmp_path: Path) -> None:
    (tmp_path / "YWJj").write_bytes(b"a file whose name is base64")
    encoded = base64.b64encode(b"picture").decode()
    rows = [{"picture": value} for value in ("photos/a.png", "YWJj", encoded, f"data:image/png;base64,{encoded}", "")]
    lines, failures = read(tmp_path, *rows, {"picture": 5})
    assert [line.picture for line in lines] == [
        tmp_path / "photos/a.png", tmp_path / "YWJj", b"picture", b"picture", "", 5,
    ]  # fmt: skip
    assert failures == []


def test_an_absolute_path_stays_as_it_is(tmp_path: Path) -> None:
    lines, _ = read(tmp_path, {"picture": "/photos/a.png"})
    assert lines[0].picture == Path("/photos/a.png")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AddError, match=r"there is no file .*none\.jsonl; name one with an item on each line"):
        ItemLines(str(tmp_path / "none.jsonl"), Columns()).check()
    with pytest.raises(AddError, match="is a folder; expected a file"):
        ItemLines(str(tmp_path), Columns()).check()
    ItemLines("-", Columns()).check()
