"""Names and labels in another case or another Unicode form than that of the disk, in every method that takes them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from indexer.errors import QueryError, SourceError
from retrieval import Filter, Library
from tests.support.color_photos import paint


def apart(text: str) -> str:
    """Return text as macOS spells names: letters and their marks are two characters."""
    return unicodedata.normalize("NFD", text)


@pytest.fixture
def photos(library: Library, tmp_path: Path) -> Path:
    """Return an indexed folder; one photo is named as by macOS, one as by a keyboard."""
    folder = tmp_path / "photos"
    for name, color in ((apart("\u00dcbung/M\u00fcller.png"), "red"), ("\u00c4rger/Caf\u00e9.png", "lime")):
        (folder / name).parent.mkdir(parents=True)
        paint(folder / name, color)
    library.sync(folder)
    return folder


def names(library: Library, where: Filter) -> list[str]:
    return sorted(unicodedata.normalize("NFC", hit.path.name) for hit in library.search("red", where=where))


def test_a_name_is_found_in_both_unicode_forms_and_any_case(library: Library, photos: Path) -> None:
    for pattern in ("M\u00fcller.png", "M\u00dcLLER*", apart("m\u00fcller*"), "*\u00fc*", "m?ller.png"):
        assert names(library, Filter.name(pattern)) == ["M\u00fcller.png"]
        assert names(library, ~Filter.name(pattern)) == ["Caf\u00e9.png"]
    assert names(library, Filter.name(apart("caf\u00e9*"))) == ["Caf\u00e9.png"]


def test_a_folder_is_found_in_both_unicode_forms_and_any_case(library: Library, photos: Path) -> None:
    for name, found in (
        ("\u00dcbung", "M\u00fcller.png"),
        (apart("\u00c4rger"), "Caf\u00e9.png"),
        ("\u00fcBUNG", "M\u00fcller.png"),
    ):
        assert names(library, Filter.folder(photos / name)) == [found]
        assert found not in names(library, ~Filter.folder(photos / name))
    with pytest.raises(QueryError, match="the library has nothing from"):
        library.search("red", where=Filter.folder(photos / "Ubung"))  # another letter


def test_a_folder_filter_is_for_all_folders_that_look_the_same(library: Library, photos: Path) -> None:
    twin = photos / "\u00dcbung"
    if twin.exists():
        pytest.skip("this file system takes both spellings for one name")
    twin.mkdir()
    paint(twin / "twin.png", "red")
    library.sync(photos)
    assert names(library, Filter.folder(twin)) == ["M\u00fcller.png", "twin.png"]


def test_a_photo_is_compared_judged_explained_and_forgotten_by_its_name_in_the_other_unicode_form(
    library: Library, photos: Path
) -> None:
    path = photos / "\u00dcbung" / "M\u00fcller.png"
    assert [hit.path.name for hit in library.similar(path)] == ["Caf\u00e9.png"]
    assert library.explain("red", path).in_results
    assert library.judge("red", good=[path]).good == 1
    assert library.forget(path.parent) == 1
    with pytest.raises(SourceError, match="the library has nothing at"):
        library.forget(path)
    with pytest.raises(SourceError, match="the library has nothing at"):
        library.forget(photos / apart("\u00e4rger"))  # another case is another folder
