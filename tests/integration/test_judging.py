"""Judgements: kept with what was shown, listed, and moved between libraries."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from indexer.errors import FeedbackError
from retrieval import Library, Query
from tests.support.color_photos import paint
from tests.support.contents import count

NAMES = ("red", "green", "blue", "yellow")


@pytest.fixture
def colours(library: Library, folder: Path) -> Library:
    for colour in NAMES:
        paint(folder / f"{colour}.png", colour)
    library.sync(folder)
    return library


def verdicts(library: Library) -> list[tuple[str, str, bool, int | None]]:
    return [
        (" ".join(each.parts["texts"]), Path(each.path).stem, each.is_good, each.position)
        for each in library.judgements()
    ]


def test_what_was_shown_and_what_was_said_are_kept(colours: Library, folder: Path) -> None:
    hits = colours.search("red", k=3)
    report = colours.judge("red", good=[hits[0]], bad=[folder / "blue.png"], shown=hits)
    assert (report.good, report.bad) == (1, 1)
    places = {hit.path.stem: place for place, hit in enumerate(hits, start=1)}
    assert verdicts(colours) == [("red", "red", True, 1), ("red", "blue", False, places.get("blue"))]
    (judged, *_) = colours.judgements()
    assert judged.fingerprint == "c0" * 20
    assert count(colours, "shown") == 3


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        (["red.png"], ["red.png"], "both good and bad"),
        (["nowhere.png"], [], r"nowhere\.png is not in the library"),
        ([], [], "nothing was judged"),
    ],
)
def test_bad_verdicts_are_refused_and_nothing_is_kept(
    colours: Library, folder: Path, good: list[str], bad: list[str], said: str
) -> None:
    with pytest.raises(FeedbackError, match=said):
        colours.judge("red", good=[folder / name for name in good], bad=[folder / name for name in bad])
    assert count(colours, "judgements") == count(colours, "queries") == 0


def test_a_query_picture_that_is_no_file_is_refused(colours: Library, folder: Path) -> None:
    with pytest.raises(FeedbackError, match="is not a file and cannot be stored"):
        colours.judge((folder / "red.png").read_bytes(), good=[folder / "red.png"])


def test_the_same_query_is_one_and_a_filter_does_not_make_another(colours: Library, folder: Path) -> None:
    colours.judge("red", good=[folder / "red.png"])
    colours.judge(Query(["red"], weights=[1.0]), bad=[folder / "blue.png"])
    colours.judge(Query(["red"], weights=[2.0]), bad=[folder / "blue.png"])
    assert count(colours, "queries") == 2


def test_what_is_exported_is_imported_once_and_gives_the_same(colours: Library, folder: Path, tmp_path: Path) -> None:
    colours.judge("red", good=[folder / "red.png"], bad=[folder / "blue.png"])
    before = [each[:3] for each in verdicts(colours)]
    file = tmp_path / "judged.jsonl"
    with file.open("w") as stream:
        assert colours.export_judgements(stream) == 2
    again = colours.import_judgements(file)
    assert (again.added, again.existing) == (0, 2)
    assert colours.forget_judgements() == 2
    assert count(colours, "queries") == 0
    assert colours.import_judgements(file).added == 2
    assert [each[:3] for each in verdicts(colours)] == before


def test_a_table_is_imported_and_its_bad_lines_are_named(colours: Library, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "judged.csv"
    file.write_text(
        f"query,path,verdict\nred,{folder}/red.png,good\nred,{folder}/blue.png,perhaps\n,{folder}/red.png,1\n"
        f"red,{folder}/none.png,0\n"
    )
    report = colours.import_judgements(file)
    assert (report.added, report.missing) == (2, 1)
    assert report.rejected[0] == "line 3: the verdict is 'perhaps'; expected good or bad"
    assert report.rejected[1].startswith("line 4: the query text is blank")
    stream = io.StringIO()
    colours.export_judgements(stream, as_csv=True)
    assert stream.getvalue().splitlines()[0] == "query,path,verdict,position,judged_at"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "word,file\nred,x\n", "no column query and no column path and no column verdict"),
        ("a.csv", "query,path,verdict\n", "no judgement that can be used"),
        ("a.jsonl", "[1]\n", "is not an object with query"),
        ("a.jsonl", '{"query": "red", "path": 3, "verdict": "good"}\n', "the path is 3"),
        ("a.jsonl", "\x00\xff", "line 1"),
    ],
)
def test_files_without_a_judgement_are_refused(
    colours: Library, tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(FeedbackError, match=said):
        colours.import_judgements(tmp_path / name)


def test_judgements_of_a_query_or_of_a_file_are_forgotten(colours: Library, folder: Path) -> None:
    for query in ("red", "blue"):
        colours.judge(query, good=[folder / "red.png"], bad=[folder / "blue.png"])
    assert colours.forget_judgements(query="red") == 2
    assert colours.forget_judgements(path=folder / "blue.png") == 1
    assert verdicts(colours) == [("blue", "red", True, None)]
