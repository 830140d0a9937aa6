"""Arguments of `Library` that are refused with a clear error, or taken in several forms; and a closed library."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from indexer.encoders import load_encoder
from retrieval import Filter, Hit, Library, LibraryError, Query, QueryError
from tests.support.color_photos import paint

USES: dict[str, Callable[[Library], Any]] = {
    "search": lambda library: library.search("red"),
    "add": lambda library: library.add(texts=["red"]),
    "get": lambda library: library.get("red"),
    "update": lambda library: library.update(["red"], texts=["red"]),
    "delete": lambda library: library.delete(["red"]),
    "scan": lambda library: list(library.scan()),
    "thumbnail": lambda library: library.thumbnail(Hit(1, 1, Path("red.jpg"), 1.0, ())),
    "by_item_id": lambda library: library.by_item_id([1]),
    "layout": lambda library: library.layout(),
    "facets": lambda library: library.facets(),
    "positions": lambda library: library.positions(),
    "web_thumbnail": lambda library: library.web_thumbnail(1),
    "original": lambda library: library.original(1),
    "search_many": lambda library: library.search_many(["red"]),
    "similar": lambda library: library.similar("red.png"),
    "list": lambda library: library.list(),
    "count": lambda library: library.count(),
    "explain": lambda library: library.explain("red", "red.png"),
    "duplicates": lambda library: library.duplicates(),
    "evaluate": lambda library: library.evaluate("queries.csv"),
    "judge": lambda library: library.judge("red", good=["red.png"]),
    "judgements": lambda library: library.judgements(),
    "export_judgements": lambda library: library.export_judgements(io.StringIO()),
    "forget_judgements": lambda library: library.forget_judgements(),
    "learn": lambda library: library.learn("Biscuit", [library.path.parent / "pictures" / "red.jpg"]),
    "words": lambda library: library.words(),
    "forget_word": lambda library: library.forget_word("Biscuit"),
    "tune": lambda library: library.tune(),
    "versions": lambda library: library.versions(),
    "rollback": lambda library: library.rollback(),
    "sync": lambda library: library.sync(),
    "optimize": lambda library: library.optimize(),
    "forget": lambda library: library.forget("red.png"),
    "status": lambda library: library.status(),
    "failures": lambda library: library.failures(),
    "check": lambda library: library.check(),
    "export": lambda library: library.export("exported"),
    "use_encoder": lambda library: library.use_encoder("compact"),
    "encoders": lambda library: library.encoders(),
    "drop_encoder": lambda library: library.drop_encoder("compact"),
}
"""One call of each method that needs an open library."""


@pytest.fixture
def red(library: Library, folder: Path) -> Path:
    """Return a red photo of 1 May 2020 in `library`."""
    path = paint(folder / "red.jpg", "red", taken_at=datetime.fromisoformat("2020-05-01T12:00"))
    library.sync(folder)
    return path


@pytest.mark.parametrize("method", USES)
def test_a_closed_library_says_so(method: str, library: Library, red: Path) -> None:
    library.close()
    with pytest.raises(LibraryError, match=r"is closed; open it again with Library\.open"):
        list(USES[method](library) or ())
    library.close()


def test_every_method_is_tried_on_a_closed_library() -> None:
    methods = {name for name, _ in inspect.getmembers(Library, inspect.isfunction) if not name.startswith("_")}
    assert methods - {"close", "gather_queries", "show", "import_judgements", "import_"} == set(USES)


@pytest.mark.parametrize("day", ["2020-05-01", "2020-05-01T00:00", date(2020, 5, 1), datetime(2020, 5, 1)])  # noqa: DTZ001
def test_dates_are_taken_as_text_date_or_time(day: date | str, library: Library, red: Path) -> None:
    assert library.count(after=day) == len(library.search("red", after=day)) == 1
    assert library.count(before=day) == library.count(where=Filter.taken(before=day)) == 0
    assert library.count(where=Filter.taken(on="2020-05-01")) == 1


def test_a_text_that_is_no_date_is_refused(library: Library, red: Path) -> None:
    with pytest.raises(QueryError, match=r"'yesterday' is not a date; expected one like 2024-05-01"):
        library.search("red", after="yesterday")


def test_an_unknown_kind_is_refused(library: Library, red: Path) -> None:
    with pytest.raises(QueryError, match="there is no kind 'pics'; expected one of: photos, texts, all"):
        library.search("red", kind="pics")  # type: ignore[arg-type]  # a mistake


def test_a_photo_whose_file_is_missing_still_has_its_embedding(library: Library, red: Path, folder: Path) -> None:
    paint(folder / "lime.jpg", "lime")
    library.sync(folder)
    red.unlink()
    assert [hit.path.name for hit in library.similar(red)] == ["lime.jpg"]


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("texts", lambda _: Query(texts="a cat")),
        ("images", lambda _: Query(images=Path("cat.jpg"))),  # type: ignore[arg-type]  # a mistake
        ("images", lambda _: Query(images="cat.jpg")),  # type: ignore[arg-type]  # a mistake
        ("rerank", lambda library: library.search("red", rerank="mmr:0.7")),
        ("rerank", lambda library: library.evaluate("queries.csv", rerank="mmr:0.7")),
        ("good", lambda library: library.judge("red", good="red.jpg")),
        ("bad", lambda library: library.judge("red", bad=Path("red.jpg"))),
        ("photos", lambda library: library.learn("Biscuit", "red.jpg")),
        ("exclude", lambda library: library.sync(exclude="*.png")),
        ("text_columns", lambda library: library.sync(text_columns="caption")),
    ],
)
def test_one_value_where_a_list_is_expected_is_refused(
    name: str, use: Callable[[Library], object], library: Library, red: Path
) -> None:
    with pytest.raises(TypeError, match=rf"^{name} is .*; expected a list, for instance \["):
        use(library)


def test_encoders_refuse_a_bare_text_and_a_path() -> None:
    encoder = load_encoder("compact", device="cpu")
    with pytest.raises(TypeError, match=r"texts is 'a cat'; expected a list, for instance \['a cat'\]"):
        encoder.encode_texts("a cat")
    with pytest.raises(TypeError, match=r"texts is 'a cat'"):
        encoder.fits("a cat")
    for path in ("cat.jpg", Path("cat.jpg")):
        with pytest.raises(TypeError, match=r"cat\.jpg.*expected an array of shape \(n, height, width, 3\)"):
            encoder.encode_images(path)  # type: ignore[arg-type]  # a mistake


@pytest.mark.parametrize("place", [None, b"bytes.recall", 5], ids=repr)
def test_what_is_no_path_opens_no_library(place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECALL_LIBRARY", "of-the-user.recall")
    with pytest.raises(TypeError):
        Library.open(place)
    assert list(tmp_path.iterdir()) == []
