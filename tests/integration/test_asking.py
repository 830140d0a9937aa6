"""What stands for the picture in the clipboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageGrab

from indexer.errors import QueryError
from retrieval.cli.query_args import typed_query

PICTURE = Image.new("RGB", (2, 2))


def held(monkeypatch: pytest.MonkeyPatch, content: object) -> None:
    """Have the clipboard hold something: no machine that tests run on has one."""
    monkeypatch.setattr(ImageGrab, "grabclipboard", lambda: content)


def test_a_picture_or_a_file_in_the_clipboard_is_a_part_of_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    held(monkeypatch, PICTURE)
    assert typed_query(["clipboard:", "-", "people"]).images == [PICTURE]
    held(monkeypatch, ["/photos/a.jpg"])  # a file that was copied
    assert typed_query(["2:clipboard:"]).images == [Path("/photos/a.jpg")]


@pytest.mark.parametrize("content", [None, []])
def test_a_clipboard_without_a_picture_says_so(monkeypatch: pytest.MonkeyPatch, content: object) -> None:
    held(monkeypatch, content)
    with pytest.raises(QueryError, match="the clipboard holds no picture; copy one, or give its file"):
        typed_query(["clipboard:"])
