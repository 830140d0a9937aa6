"""Judgements in files, and judgements of the last search: what comes back is what went out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from indexer.errors import FeedbackError
from retrieval import Library, Query
from retrieval.tuning.read_training_set import read_lessons
from tests.support.colours import paint
from tests.support.encoders import FakeEncoder


@pytest.fixture
def colours(library: Library, folder: Path) -> Library:
    """Return a library of four photos, named by their colours."""
    for colour in ("red", "tomato", "blue", "lime"):
        paint(folder / f"{colour}.png", colour)
    library.sync(folder)
    return library


def told(library: Library) -> list[tuple[str, bool, int | None, str | None]]:
    return [(Path(each.path).stem, each.is_good, each.position, each.fingerprint) for each in library.judgements()]


def exported(library: Library, file: Path) -> Path:
    with file.open("w", encoding="utf-8", errors="surrogateescape") as stream:
        library.export_judgements(stream, as_csv=file.suffix == ".csv")
    return file


@pytest.mark.parametrize("name", ["judged.jsonl", "judged.csv"])
def test_positions_survive_export_and_import_and_so_does_what_counts(
    colours: Library, folder: Path, tmp_path: Path, encoder: FakeEncoder, name: str
) -> None:
    hits = colours.search("red", k=4)
    assert [hit.path.stem for hit in hits][:2] == ["red", "tomato"]
    colours.judge("red", good=hits[:1], bad=hits[1:], shown=hits)
    before = [each[:3] for each in told(colours)]
    file = exported(colours, tmp_path / name)
    colours.forget_judgements()
    assert colours.import_judgements(file).added == 4
    assert [each[:3] for each in told(colours)] == before
    # good at 1: the bad one at 2 stands directly below it, those at 3 and 4 may not have been looked at
    _, counts = read_lessons(colours._store, encoder, colours._settings)
    assert (counts.used, counts.not_compared) == (2, 2)


def test_what_was_shown_at_two_times_is_not_mixed_by_an_import(
    colours: Library, tmp_path: Path, encoder: FakeEncoder
) -> None:
    hits = colours.search("red", k=4)
    colours.judge("red", bad=hits[:1], shown=hits)  # nothing good in this showing: it says nothing
    colours.judge("red", good=hits[3:], shown=hits)
    file = exported(colours, tmp_path / "judged.jsonl")
    colours.forget_judgements()
    colours.import_judgements(file)
    _, counts = read_lessons(colours._store, encoder, colours._settings)
    assert (counts.used, counts.not_compared) == (1, 1)


def test_the_fingerprint_survives(colours: Library, tmp_path: Path) -> None:
    hits = colours.search("red", k=2)
    colours.judge("red", good=hits[:1], shown=hits)
    file = exported(colours, tmp_path / "judged.jsonl")
    before = told(colours)
    colours.forget_judgements()
    colours.import_judgements(file)
    assert told(colours) == before == [("red", True, 1, "c0" * 20)]


def test_two_files_at_one_place_of_a_table_were_shown_at_two_times(colours: Library, folder: Path) -> None:
    table = folder.parent / "judged.csv"
    table.write_text(f"query,path,verdict,position\nred,{folder}/red.png,1,1\nred,{folder}/blue.png,0,1\n")
    assert colours.import_judgements(table).added == 2
    first, second = colours.judgements()
    assert (first.position, second.position) == (1, 1)
    assert first.impression_id != second.impression_id


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"path": "\ud800.png"}, "surrogates not allowed"),
        ({"query": "a \ud800"}, "surrogates not allowed"),
        ({"position": 0}, "the position is 0; expected a whole number from 1"),
        ({"position": "first"}, "the position is 'first'"),
        ({"position": 2**63}, "the position is 9223372036854775808"),
        ({"judged_at": "yesterday"}, "yesterday"),
        ({"judged_at": "0001-01-01T00:00:00+14:00"}, "line 2"),
        ({"parts": {"texts": ["a"], "images": [], "weights": ["nan"]}}, "weight nan"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_imported(
    colours: Library, folder: Path, fields: dict[str, object], said: str
) -> None:
    good = {"query": "red", "path": f"{folder}/red.png", "verdict": "good"}
    file = folder.parent / "judged.jsonl"
    file.write_text("".join(f"{json.dumps(each)}\n" for each in (good, good | fields, good | {"query": "blue"})))
    report = colours.import_judgements(file)
    assert (report.added, len(report.rejected)) == (2, 1)
    assert report.rejected[0].startswith("line 2: ")
    assert said in report.rejected[0]


def test_a_moment_with_a_zone_is_the_same_moment_when_it_comes_again(colours: Library, folder: Path) -> None:
    file = folder.parent / "judged.jsonl"
    line = {"query": "red", "path": f"{folder}/red.png", "verdict": "good", "judged_at": "2026-01-02T03:04:05+02:00"}
    file.write_text(json.dumps(line))
    assert colours.import_judgements(file).added == 1
    assert colours.judgements()[0].judged_at.isoformat() == "2026-01-02T01:04:05"  # UTC
    assert colours.import_judgements(file).added == 0


def test_a_table_in_another_encoding_is_refused_by_its_lines(colours: Library, folder: Path) -> None:
    table = folder.parent / "judged.csv"
    table.write_bytes(
        f"query,path,verdict\nbl\xe5,{folder}/blue.png,good\nred,{folder}/red.png,good\n".encode("latin-1")
    )
    report = colours.import_judgements(table)
    assert report.added == 1
    assert report.rejected[0].startswith("line 2: ")


@pytest.mark.parametrize("name", ["judged.jsonl", "judged.csv"])
def test_file_names_that_are_no_text_go_out_and_come_back(
    colours: Library, folder: Path, tmp_path: Path, name: str
) -> None:
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/od\xff.png"))
    paint(odd, "red")
    colours.sync(folder)
    colours.judge("red", good=[odd])
    file = exported(colours, tmp_path / name)
    colours.forget_judgements()
    report = colours.import_judgements(file)
    assert (report.added, report.missing) == (1, 0)
    assert colours.judgements()[0].path == str(odd)
    colours.judge(odd, good=[folder / "red.png"])  # as a query too
    assert colours.judgements()[1].parts["images"] == [str(odd)]


def test_a_table_says_how_many_judgements_it_cannot_hold(
    colours: Library, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    colours.judge("red", good=[folder / "red.png"])
    colours.judge(Query(["red", "blue"], weights=[1, 2]), good=[folder / "red.png"])
    with (tmp_path / "judged.csv").open("w") as stream:
        assert colours.export_judgements(stream, as_csv=True) == 1
    assert "1 judgement is left out" in caplog.text


def test_a_hit_of_an_item_that_is_gone_is_not_taken_for_the_one_that_got_its_number(
    colours: Library, folder: Path
) -> None:
    hits = colours.search("blue", k=4)
    newest = max(hits, key=lambda hit: hit.item_id)  # SQLite gives the highest number again
    newest.path.unlink()
    colours.sync(folder)
    paint(folder / "other.png", "white")
    colours.sync(folder)
    assert colours.search("white", k=1)[0].item_id == newest.item_id
    with pytest.raises(FeedbackError, match=f"{newest.path.name} is not in the library"):
        colours.judge("blue", good=[newest])
