"""Export and import of judgements: an import restores what was exported."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from indexer.errors import FeedbackError
from retrieval import Library, Query
from retrieval.tuning.read_training_set import read_training_set
from tests.support.color_photos import paint
from tests.support.encoders import FakeEncoder


@pytest.fixture
def colours(library: Library, folder: Path) -> Library:
    """Return a library of four photos, named by their colours."""
    for colour in ("red", "tomato", "blue", "lime"):
        paint(folder / f"{colour}.png", colour)
    library.sync(folder)
    return library


def recorded(library: Library) -> list[tuple[str, bool, int | None, str | None]]:
    return [
        (Path(judgement.path).stem, judgement.is_good, judgement.position, judgement.fingerprint)
        for judgement in library.judgements()
    ]


def exported(library: Library, file: Path) -> Path:
    with file.open("w", encoding="utf-8", errors="surrogateescape") as stream:
        library.export_judgements(stream, as_csv=file.suffix == ".csv")
    return file


@pytest.mark.parametrize("name", ["judged.jsonl", "judged.csv"])
def test_an_import_restores_positions_and_the_use_in_training(
    colours: Library, folder: Path, tmp_path: Path, encoder: FakeEncoder, name: str
) -> None:
    hits = colours.search("red", k=4)
    assert [hit.path.stem for hit in hits][:2] == ["red", "tomato"]
    colours.judge("red", good=hits[:1], bad=hits[1:], shown=hits)
    before = [judgement[:3] for judgement in recorded(colours)]
    file = exported(colours, tmp_path / name)
    colours.forget_judgements()
    assert colours.import_judgements(file).added == 4
    assert [judgement[:3] for judgement in recorded(colours)] == before
    # good at 1: the bad hit at 2 is directly below it; those at 3 and 4 may not have been seen
    _, counts = read_training_set(colours._store, encoder)
    assert (counts.used, counts.not_examined) == (2, 2)


def test_an_import_keeps_impressions_apart(colours: Library, tmp_path: Path, encoder: FakeEncoder) -> None:
    hits = colours.search("red", k=4)
    colours.judge("red", bad=hits[:1], shown=hits)  # no good hit in this impression: it is not used
    colours.judge("red", good=hits[3:], shown=hits)
    file = exported(colours, tmp_path / "judged.jsonl")
    colours.forget_judgements()
    colours.import_judgements(file)
    _, counts = read_training_set(colours._store, encoder)
    assert (counts.used, counts.not_examined) == (1, 1)


def test_an_import_restores_the_fingerprint(colours: Library, tmp_path: Path) -> None:
    hits = colours.search("red", k=2)
    colours.judge("red", good=hits[:1], shown=hits)
    file = exported(colours, tmp_path / "judged.jsonl")
    before = recorded(colours)
    colours.forget_judgements()
    colours.import_judgements(file)
    assert recorded(colours) == before == [("red", True, 1, "c0" * 20)]


def test_two_files_at_one_position_begin_another_impression(colours: Library, folder: Path) -> None:
    table = folder.parent / "judged.csv"
    table.write_text(f"query,path,verdict,position\nred,{folder}/red.png,1,1\nred,{folder}/blue.png,0,1\n")
    assert colours.import_judgements(table).added == 2
    first, second = colours.judgements()
    assert (first.position, second.position) == (1, 1)
    assert first.impression_id != second.impression_id


@pytest.mark.parametrize(
    ("fields", "reason"),
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
def test_a_bad_line_is_reported_and_the_others_are_imported(
    colours: Library, folder: Path, fields: dict[str, object], reason: str
) -> None:
    good = {"query": "red", "path": f"{folder}/red.png", "verdict": "good"}
    file = folder.parent / "judged.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in (good, good | fields, good | {"query": "blue"})))
    report = colours.import_judgements(file)
    assert (report.added, len(report.rejected)) == (2, 1)
    assert report.rejected[0].startswith("line 2: ")
    assert reason in report.rejected[0]


def test_a_time_with_a_zone_is_stored_in_utc_and_recognised_again(colours: Library, folder: Path) -> None:
    file = folder.parent / "judged.jsonl"
    line = {"query": "red", "path": f"{folder}/red.png", "verdict": "good", "judged_at": "2026-01-02T03:04:05+02:00"}
    file.write_text(json.dumps(line))
    assert colours.import_judgements(file).added == 1
    assert colours.judgements()[0].judged_at.isoformat() == "2026-01-02T01:04:05"  # UTC
    assert colours.import_judgements(file).added == 0


def test_lines_of_a_table_in_another_encoding_are_rejected(colours: Library, folder: Path) -> None:
    table = folder.parent / "judged.csv"
    table.write_bytes(
        f"query,path,verdict\nbl\xe5,{folder}/blue.png,good\nred,{folder}/red.png,good\n".encode("latin-1")
    )
    report = colours.import_judgements(table)
    assert report.added == 1
    assert report.rejected[0].startswith("line 2: ")


@pytest.mark.parametrize("name", ["judged.jsonl", "judged.csv"])
def test_file_names_that_are_not_utf8_are_restored(colours: Library, folder: Path, tmp_path: Path, name: str) -> None:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/od\xff.png"))
    paint(path, "red")
    colours.sync(folder)
    colours.judge("red", good=[path])
    file = exported(colours, tmp_path / name)
    colours.forget_judgements()
    report = colours.import_judgements(file)
    assert (report.added, report.missing) == (1, 0)
    assert colours.judgements()[0].path == str(path)
    colours.judge(path, good=[folder / "red.png"])  # as a query too
    assert colours.judgements()[1].parts["images"] == [str(path)]


def test_a_csv_export_logs_how_many_judgements_it_leaves_out(
    colours: Library, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    colours.judge("red", good=[folder / "red.png"])
    colours.judge(Query(["red", "blue"], weights=[1, 2]), good=[folder / "red.png"])
    with (tmp_path / "judged.csv").open("w") as stream:
        assert colours.export_judgements(stream, as_csv=True) == 1
    assert "judgements left out: 1 (CSV holds queries of one text only)" in caplog.text


def test_a_hit_of_a_deleted_item_is_not_taken_for_the_item_with_its_number(colours: Library, folder: Path) -> None:
    hits = colours.search("blue", k=4)
    newest = max(hits, key=lambda hit: hit.item_id)  # SQLite reuses the highest number
    newest.path.unlink()
    colours.sync(folder)
    paint(folder / "other.png", "white")
    colours.sync(folder)
    assert colours.search("white", k=1)[0].item_id == newest.item_id
    with pytest.raises(FeedbackError, match=f"{newest.path.name} is not in the library"):
        colours.judge("blue", good=[newest])


@pytest.mark.parametrize(
    "query",
    ['=HYPERLINK("http://x","y")', "+1 house", "-cat", "@home", "'=quoted", "''-twice", "\t=tab", " =space", "'tis"],
)
def test_no_cell_of_a_csv_export_is_a_formula_and_the_import_has_the_query_again(
    colours: Library, tmp_path: Path, query: str
) -> None:
    hits = colours.search("red", k=1)
    colours.judge(query, good=[hits[0].path])
    file = exported(colours, tmp_path / "formulas.csv")
    with file.open(newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@")]
    colours.forget_judgements(query=query)
    colours.import_judgements(file)
    assert [judgement.parts["texts"] for judgement in colours.judgements()] == [[query]]


def test_a_file_of_judgements_that_is_missing_or_a_folder_is_an_error_in_plain_words(
    library: Library, tmp_path: Path
) -> None:
    for path, reason in (
        (tmp_path / "none.jsonl", "cannot be read (No such file or directory)"),
        (tmp_path, "cannot be read (Is a directory)"),
    ):
        with pytest.raises(FeedbackError) as raised:
            library.import_judgements(path)
        assert reason in str(raised.value)
        assert "Errno" not in str(raised.value)
