"""Pictures among the words of a query: files, addresses, the clipboard."""

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


def test_a_clipboard_that_cannot_be_read_is_an_error_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise NotImplementedError("wl-paste or xclip is required for ImageGrab.grabclipboard() on Linux")

    monkeypatch.setattr(ImageGrab, "grabclipboard", fail)
    with pytest.raises(QueryError, match="only with the program wl-paste or xclip; install it, or give") as raised:
        typed_query(["clipboard:"])
    assert "ImageGrab" not in str(raised.value)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which has some pictures."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg", "my photo.jpg"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["a.jpg", "b.jpg"], "a.jpg + b.jpg"),
        (["a.jpg", "b.jpg", "c.jpg", "d.jpg"], "a.jpg + b.jpg + c.jpg + ..."),
        (["a.jpg", "at", "night"], 'a.jpg + "at night"'),
        (["at", "night", "a.jpg"], '"at night" + a.jpg'),
        (["none.jpg", "b.jpg"], "none.jpg + b.jpg"),
        (["cat", "+", "a.jpg", "b.jpg"], "a.jpg + b.jpg"),
        (["2:", "a.jpg", "b.jpg"], "a.jpg + b.jpg"),
        (["https://example.org/a.jpg", "cat"], "https://example.org/a.jpg + cat"),
        (["clipboard:", "cat"], "clipboard: + cat"),
    ],
)
def test_a_picture_next_to_other_words_is_an_error_that_says_to_put_a_sign(
    here: Path, words: list[str], advice: str
) -> None:
    with pytest.raises(QueryError, match="there is no sign between the picture") as raised:
        typed_query(words)
    assert str(raised.value).endswith(f"put + between them: {advice}")


def test_pictures_with_signs_and_names_with_blanks_are_pictures(here: Path) -> None:
    assert typed_query(["a.jpg", "+", "b.jpg"]).images == (Path("a.jpg"), Path("b.jpg"))
    assert typed_query(["my", "photo.jpg"]).images == (Path("my photo.jpg"),)
    assert typed_query(["2:", "a.jpg", "+", "cat"]).weights == (1.0, 2.0)  # texts first
    assert typed_query(["2: a.jpg"]).images == (Path("a.jpg"),)


def test_the_names_of_very_many_pictures_are_no_crash(here: Path) -> None:
    with pytest.raises(QueryError, match="put \\+ between them"):
        typed_query([f"{number}.jpg" for number in range(5000)])
    assert typed_query(["a.jpg " * 5000]).texts  # longer than any file name


def test_the_number_of_a_lone_text_is_searched_for(here: Path) -> None:
    assert typed_query(["2001: A Space Odyssey"]).texts == ("2001: A Space Odyssey",)
    assert typed_query(["2: red car"], images=[here / "a.jpg"]).weights == (2.0, 1.0)
