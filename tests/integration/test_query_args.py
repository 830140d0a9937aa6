"""A query picture from the clipboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageGrab

from indexer.errors import QueryError
from retrieval.cli.query_args import typed_query

PICTURE = Image.new("RGB", (2, 2))


def fill_clipboard(monkeypatch: pytest.MonkeyPatch, content: object) -> None:
    """Replace the clipboard, which machines for tests do not have."""
    monkeypatch.setattr(ImageGrab, "grabclipboard", lambda: content)


def test_clipboard_is_the_picture_or_the_copied_file_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fill_clipboard(monkeypatch, PICTURE)
    assert typed_query(["clipboard:", "-", "people"]).images == (PICTURE,)
    fill_clipboard(monkeypatch, ["/photos/a.jpg"])  # a copied file
    assert typed_query(["2:clipboard:"]).images == (Path("/photos/a.jpg"),)


@pytest.mark.parametrize("content", [None, []])
def test_a_clipboard_without_a_picture_is_an_error(monkeypatch: pytest.MonkeyPatch, content: object) -> None:
    fill_clipboard(monkeypatch, content)
    with pytest.raises(QueryError, match="the clipboard holds no picture; copy one, or give its file"):
        typed_query(["clipboard:"])
