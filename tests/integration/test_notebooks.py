"""What a notebook shows of hits, items and the library: bounded and escaped, nothing from elsewhere, never an error."""

from __future__ import annotations

import base64
import io
import os
import pickle
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from indexer.types import Modality, Progress
from retrieval import Hit, Hits, Item, Items, Library
from retrieval.integrations.notebook import progress_bar
from retrieval.search import gallery
from tests.support.encoders import FakeEncoder
from tests.support.pictures import encoded

pytestmark = pytest.mark.folder

MARKUP = '<img src=x onerror="alert(1)"> & co'


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def pictures(self) -> list[Image.Image]:
        """The pictures, which are all in the page itself."""
        sources = [attributes["src"] or "" for tag, attributes in self.elements if tag == "img"]
        assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
        return [Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) for source in sources]


def page_of(value: Hits | Items | Library) -> Page:
    page = Page(value._repr_html_())
    assert {tag for tag, _ in page.elements} <= {"b", "br", "div", "figcaption", "figure", "img", "p"}
    names = {name for _, attributes in page.elements for name in attributes}
    assert names <= {"alt", "src", "style", "title"}
    assert "url(" not in value._repr_html_()
    return page


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Return a library with a red, a lime and a blue photo, a text, and an added picture."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("red", "lime", "blue"):
        Image.new("RGB", (640, 480), name).save(folder / f"{name}.png")
    (folder / "note.txt").write_text(f"a red house {MARKUP}")
    with Library.open(tmp_path / "test.recall", encoder=FakeEncoder()) as library:
        library.sync(folder)
        green = encoded(Image.new("RGB", (300, 200), "green"), "PNG")
        library.add(images=[green], ids=["<b>green</b>"], metadata=[{"price": 3}])
        yield library


def test_hits_are_shown_with_thumbnails_ranks_and_texts(library: Library) -> None:
    page = page_of(library.search("red", k=10))
    assert [picture.size for picture in page.pictures] == [(160, 120)] * 3 + [(160, 107)]
    assert page.pictures[0].getpixel((50, 50))[0] > 250  # type: ignore[index]
    assert "5 hits" in page.text
    assert "1. " in page.text
    assert f"a red house {MARKUP}" in page.text
    assert "<b>green</b>" in page.text


def test_a_page_of_hits_shows_their_ranks_in_the_whole_result(library: Library) -> None:
    assert re.findall(r"(\d+)\. ", page_of(library.search("red", k=2, offset=2)).text) == ["3", "4"]


def test_items_and_the_library_are_shown(library: Library) -> None:
    page = page_of(library.list(limit=3))
    assert "3 items of more" in page.text
    page = page_of(library)
    assert "test.recall 4 photos, 1 text, encoder fake/colours" in page.text
    assert len(page.pictures) == 4


def test_a_closed_library_and_its_hits_are_shown(library: Library) -> None:
    hits, items = library.search("red", k=10), library.list()
    library.close()
    assert "test.recall closed" in page_of(library).text
    for value in (hits, items, pickle.loads(pickle.dumps(hits))):  # noqa: S301
        page = page_of(value)
        assert len(page.pictures) == 3
        assert "not shown: " in page.text  # the added picture is in the library


def test_an_empty_library_and_no_hits_are_shown(tmp_path: Path) -> None:
    with Library.open(tmp_path / "empty.recall") as library:
        assert "empty.recall empty" in page_of(library).text
    assert page_of(Hits()).text == "No hits"
    assert page_of(Items()).text == "No items"


def test_missing_and_broken_pictures_are_shown_as_such(library: Library, tmp_path: Path) -> None:
    hits = library.search("red", k=10)
    (tmp_path / "photos" / "red.png").unlink()
    (tmp_path / "photos" / "lime.png").write_bytes(b"broken")
    os.remove(tmp_path / "photos" / "blue.png")
    os.mkfifo(tmp_path / "photos" / "blue.png")
    page = page_of(hits)
    assert len(page.pictures) == 1
    assert page.text.count("not shown: ") == 3
    assert "the file does not exist" in page.text
    assert "it is a pipe, not a file" in page.text


def photo(path: Path, number: int = 0) -> Hit:
    return Hit(item_id=number, unit_id=number, path=path, score=0.5, part_scores=())


def test_names_and_texts_are_escaped_and_have_no_hidden_letters(tmp_path: Path) -> None:
    name = MARKUP.replace("/", "") + "\u202e\x1b[31m\udcff.png"
    text = Hit(1, 1, Path(name), 0.5, (), kind=Modality.TEXT, text=f"{MARKUP}\u2066\x07")
    page = page_of(Hits([photo(tmp_path / name), text]))
    assert MARKUP in page.text
    assert page.text.isprintable() or not set("\u202e\u2066\x1b\x07") & {*page.text}
    Hits([text])._repr_html_().encode()  # a notebook is a file in UTF-8


def test_the_number_of_pictures_and_their_size_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    hits = Hits(photo(tmp_path / "noise.png", number) for number in range(2000))
    page = page_of(hits)
    assert len(page.pictures) == 24
    assert "2,000 hits, the first 24 are shown" in page.text
    assert len(hits._repr_html_()) < 1_000_000
    monkeypatch.setattr(gallery, "_MAX_BYTES", 30_000)
    page = page_of(hits)
    assert 1 <= len(page.pictures) < 5
    assert "the pictures together are too large" in page.text


def test_pictures_that_take_too_long_are_left_out(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(card: object) -> bytes:
        time.sleep(1)
        return b""

    monkeypatch.setattr(gallery, "_SECONDS", 0.2)
    monkeypatch.setattr(gallery, "_thumbnail", slow)
    hits = library.search("red", k=10)
    start = time.monotonic()
    text = page_of(hits).text
    assert time.monotonic() - start < 0.9
    assert text.count("reading the pictures took longer than 0.2 seconds") == 4


def test_slices_of_hits_and_items_are_hits_and_items_with_the_same_attributes(library: Library) -> None:
    hits = library.search("red", k=4, offset=1)
    for part in (hits[:2], hits[1:], hits[::-1], hits[3:1]):
        assert type(part) is Hits
        assert vars(part) == vars(hits)
    assert isinstance(hits[0], Hit)
    assert hits[:2] == list(hits)[:2]
    items = library.list(limit=3)
    assert type(items[:2]) is Items
    assert items[:2].cursor == items.cursor is not None
    assert isinstance(items[-1], Item)
    assert [*items[1:]] == [*items][1:]


def test_slices_and_items_become_data_frames(library: Library) -> None:
    hits = library.search("red", k=10)
    columns = ["item_id", "path", "score", "part: red"]
    assert hits[1:3].to_frame()[columns].values.tolist() == hits.to_frame()[columns].iloc[1:3].values.tolist()
    assert hits.to_frame()["metadata: price"].dropna().tolist() == [3.0]
    assert list(hits[:0].to_frame().columns[:3]) == ["item_id", "unit_id", "path"]
    frame = library.list().to_frame()
    assert frame["kind"].tolist().count("photo") == 4
    assert [Path(path).name for path in frame["path"]][:4] == ["blue.png", "lime.png", "note.txt", "red.png"]
    assert frame.iloc[-1][["id", "collection", "metadata: price"]].tolist() == ["<b>green</b>", "default", 3.0]
    assert "vector" not in frame
    assert library.list(vectors=True).to_frame()["vector"].iloc[0].tolist() == [0, 0, 1]
    assert Items().to_frame().columns[0] == "item_id"


def test_a_progress_bar_is_updated_in_the_notebook(tmp_path: Path, library: Library) -> None:
    shell = InteractiveShell.instance()
    try:
        with capture_output() as captured:
            library.sync(tmp_path / "photos", progress=progress_bar())
            bar = progress_bar()
            bar(Progress("<b>", 1))
            bar(Progress("<b>", 2))
            bar(Progress("<b>", 2000, 2000))
    finally:
        InteractiveShell.clear_instance()
        del shell
    shown = [output.data for output in captured.outputs]
    assert len(shown) >= 3
    assert "</progress> &lt;b&gt;: 2,000 of 2,000</div>" in shown[-1]["text/html"]
    assert 'value="2000" max="2000"' in shown[-1]["text/html"]
    assert shown[-2]["text/plain"] == "<b>: 1"  # the second came too soon


def test_without_a_notebook_and_a_terminal_progress_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    bar = progress_bar()
    bar(Progress("scanning", 1, 2))
    bar(Progress("scanning", 2, 2))
    assert capsys.readouterr() == ("", "")
