"""Judgements: kept with what was shown, listed, moved between libraries, and turned into lessons."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from indexer.catalog.statements.judgements import Judgement
from indexer.errors import FeedbackError
from retrieval import Library, Query
from retrieval.tuning.read_training_set import compared, read_lessons
from tests.support.color_photos import paint
from tests.support.contents import count, rows
from tests.support.encoders import FakeEncoder
from tests.support.program import Program

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


def lessons(library: Library, encoder: FakeEncoder) -> tuple[list[tuple[str, bool]], dict[str, int]]:
    """Return the query and verdict of each lesson, and the counts that are not 0."""
    found, counts = read_lessons(library._store, encoder, library._settings)
    taught = [(found.names[owner], bool(good)) for owner, good in zip(found.owners, found.good, strict=True)]
    return taught, {name: value for name, value in counts.to_dict().items() if value}


def test_what_was_shown_and_what_was_said_are_kept(colours: Library, folder: Path) -> None:
    hits = colours.search("red", k=3)
    report = colours.judge("red", good=[hits[0]], bad=[folder / "blue.png"], shown=hits)
    assert (report.good, report.bad) == (1, 1)
    places = {hit.path.stem: place for place, hit in enumerate(hits, start=1)}
    assert verdicts(colours) == [("red", "red", True, 1), ("red", "blue", False, places.get("blue"))]
    (judged, *_) = colours.judgements()
    assert judged.fingerprint == "c0" * 20
    assert count(colours.path, "shown") == 3


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
    assert count(colours.path, "judgements") == count(colours.path, "queries") == 0


def test_a_query_picture_that_is_no_file_is_refused(colours: Library, folder: Path) -> None:
    with pytest.raises(FeedbackError, match="is not a file and cannot be stored"):
        colours.judge((folder / "red.png").read_bytes(), good=[folder / "red.png"])


def test_the_same_query_is_one_and_a_filter_does_not_make_another(colours: Library, folder: Path) -> None:
    colours.judge("red", good=[folder / "red.png"])
    colours.judge(Query(["red"], weights=[1.0]), bad=[folder / "blue.png"])
    colours.judge(Query(["red"], weights=[2.0]), bad=[folder / "blue.png"])
    assert count(colours.path, "queries") == 2


def test_the_latest_verdict_counts_and_the_others_are_counted(
    colours: Library, folder: Path, encoder: FakeEncoder
) -> None:
    colours.judge("red", good=[folder / "blue.png", folder / "red.png"])
    colours.judge("red", bad=[folder / "blue.png"])
    taught, counts = lessons(colours, encoder)
    assert sorted(taught) == [("red", False), ("red", True)]
    assert counts == {"judgements": 3, "used": 2, "contradicted": 1}


def judgement(position: int | None, *, good: bool, showing: int | None = 1) -> Judgement:
    return Judgement(
        id=1, query_id=1, parts={}, path=str(position), content_hash=None, is_good=good, judged_at=None,  # type: ignore[arg-type]
        impression_id=showing, position=position, fingerprint=None,
    )  # fmt: skip


def test_bad_hits_count_above_a_good_one_or_next_to_it_and_not_far_below() -> None:
    group = [judgement(place, good=place == 3) for place in (1, 2, 3, 4, 5)]
    assert [each.position for each in compared(group)] == [1, 2, 3, 4]


def test_bad_hits_of_a_showing_without_a_good_one_do_not_count_and_those_named_by_hand_do() -> None:
    group = [judgement(1, good=False), judgement(None, good=False, showing=None), judgement(1, good=True, showing=2)]
    assert compared(group) == group[1:]


def test_a_query_without_a_good_hit_teaches_nothing(colours: Library, folder: Path, encoder: FakeEncoder) -> None:
    colours.judge("red", bad=[folder / "blue.png"])
    assert lessons(colours, encoder) == ([], {"judgements": 1, "queries_left_out": 1})


def test_a_photo_that_moved_is_found_again_and_one_that_is_gone_is_counted(
    colours: Library, folder: Path, encoder: FakeEncoder
) -> None:
    colours.judge("red", good=[folder / "red.png"], bad=[folder / "blue.png"])
    (folder / "red.png").rename(folder / "moved.png")
    (folder / "blue.png").unlink()
    colours.sync(folder)
    assert lessons(colours, encoder) == ([("red", True)], {"judgements": 2, "used": 1, "gone": 1})
    paint(folder / "blue.png", "blue")
    colours.sync(folder)
    assert lessons(colours, encoder)[1] == {"judgements": 2, "used": 2}


def test_lessons_hold_plain_vectors_and_photos_that_nobody_judged(
    colours: Library, folder: Path, encoder: FakeEncoder
) -> None:
    colours.judge(Query(["red", "green"], [folder / "blue.png"], [1, 0.5, 2]), good=[folder / "red.png"])
    found, _ = read_lessons(colours._store, encoder, colours._settings)
    assert found.texts == pytest.approx(np.array([[1, 0.5, 0]]))
    assert found.images == pytest.approx(np.array([[0, 0, 2]]), abs=1e-3)
    assert found.units == pytest.approx(np.array([[1, 0, 0]]), abs=1e-3)
    assert len(found.others) == 3
    assert found.others_are_photos.all()


def test_a_query_picture_that_is_gone_is_left_out(colours: Library, folder: Path, encoder: FakeEncoder) -> None:
    asked = paint(folder.parent / "asked.png", "red")
    colours.judge(asked, good=[folder / "red.png"])
    asked.unlink()
    assert lessons(colours, encoder) == ([], {"judgements": 1, "queries_left_out": 1})


def test_what_is_exported_is_imported_once_and_gives_the_same(colours: Library, folder: Path, tmp_path: Path) -> None:
    colours.judge("red", good=[folder / "red.png"], bad=[folder / "blue.png"])
    before = [each[:3] for each in verdicts(colours)]
    file = tmp_path / "judged.jsonl"
    with file.open("w") as stream:
        assert colours.export_judgements(stream) == 2
    again = colours.import_judgements(file)
    assert (again.added, again.existing) == (0, 2)
    assert colours.forget_judgements() == 2
    assert count(colours.path, "queries") == 0
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


def test_the_program_asks_about_the_last_search_and_keeps_each_answer(
    recall_program: Program, photos: Path, tmp_path: Path
) -> None:
    assert recall_program("judge").stderr.startswith("recall: there is no library")
    recall_program("index", photos)
    assert "there is no last search to judge" in recall_program("judge").stderr
    recall_program("search", "a cat", "-k", "1")
    asked = recall_program("judge", "-k", "4", stdin="y\nwhat\ns\nn\n")  # and the input ends
    assert "what is not an answer; type y, n, s or q" in asked.stderr
    assert "judged 1 good and 1 bad" in asked.stderr
    listed = [json.loads(line) for line in recall_program("feedback", "list", "--json").stdout.splitlines()]
    assert [(each["query"], each["verdict"], each["position"]) for each in listed] == [
        ("a cat", "good", 1),
        ("a cat", "bad", 3),
    ]
    named = recall_program("judge", "a drink", "--good", photos / "coffee.png")
    assert "judged 1 good and 0 bad" in named.stderr
    assert "learning needs 6" in recall_program("tune").stderr
    (library,) = tmp_path.glob("**/*.recall")
    assert rows(library, "SELECT count(*) FROM showings") == [(1,)]
