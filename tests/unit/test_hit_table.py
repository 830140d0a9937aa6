"""Hits as a table, as paths, as JSON lines; and nothing found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from retrieval.cli.hit_table import likely_hits, print_hits, print_likely
from retrieval.search.hits import Hit, Hits, PartScore
from retrieval.search.word_evidence import WordHit

CAT = {
    "path": "/photos/cat.jpg",
    "score": 0.3125,
    "probability": None,
    "part_scores": [{"part": "a cat", "score": 0.3125, "weight": 1.0}],
    "kind": "photo",
    "text": None,
    "item_id": 1,
    "unit_id": 2,
    "format": None,
    "width": 640,
    "height": None,
    "taken_at": "2024-05-01T12:30:15",
    "taken_from": "exif",
    "latitude": -33.5,
    "longitude": None,
    "camera": None,
    "lens": None,
    "utc_offset": None,
    "rating": None,
    "title": None,
    "description": None,
    "tags": [],
    "people": [],
    "places": [],
    "approximate": False,
    "row": None,
    "id": "",
    "collection": None,
    "uri": None,
    "metadata": {},
    "words": ["cat", "rome"],
    "found": [{"word": "cat", "field": "name"}, {"word": "rome", "field": "tag"}],
    "word_evidence": 0.6667,
    "rerank": [],
    "count": 1,
    "members": [],
}
"""The first hit of the test of JSON lines."""


def hit(path: str = "/photos/cat.jpg", **values: Any) -> Hit:
    facts: dict[str, Any] = {
        "item_id": 1,
        "unit_id": 2,
        "score": 0.3125,
        "part_scores": (PartScore("a cat", 0.3125),),
    } | values
    return Hit(path=Path(path), **facts)


def printed(action: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> str:
    action()
    return capsys.readouterr().out


def test_hits_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    hits = [hit(taken_at=datetime.fromisoformat("2024-05-01T12:30")), hit("/photos/\x1b[2J.jpg", score=-0.0625)]
    assert printed(lambda: print_hits(hits, "table"), capsys) == (
        "score   taken       photo\n0.312   2024-05-01  /photos/cat.jpg\n-0.062              /photos/\\x1b[2J.jpg\n"
    )


def test_a_hit_that_stands_for_several_has_their_number_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    hits = [replace(hit("/a"), members=(hit("/b"), replace(hit("/c"), members=(hit("/d"),)))), hit("/e")]
    assert [each.path.name for each in hits[0].expanded()] == ["a", "b", "c", "d"]
    assert printed(lambda: print_hits(hits, "table"), capsys) == (
        "score  photos  photo\n0.312  4       /a\n0.312          /e\n"
    )


def test_the_table_says_which_words_were_found_and_where(capsys: pytest.CaptureFixture[str]) -> None:
    found = (WordHit("PANA3020", "name"), WordHit("rome", "tag"), WordHit("sea", "tag"), WordHit("Ada", "person"))
    assert printed(lambda: print_hits([hit("/a", found=found), hit("/b")], "table"), capsys) == (
        "score  photo  found\n0.312  /a     in the name: PANA3020; in the tags: rome, sea; in the people: Ada\n"
        "0.312  /b\n"
    )


def test_hits_as_paths_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(lambda: print_hits([hit("/a b"), hit("/c")], "paths"), capsys) == "/a b\n/c\n"


def test_hits_for_xargs_end_with_nul_and_keep_every_byte(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(lambda: print_hits([hit("/a\nb"), hit("/c")], "null"), capsys) == "/a\nb\0/c\0"


def test_a_table_of_hits_has_their_probabilities_where_they_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    hits = [hit(probability=0.625), hit("/photos/dog.jpg", score=0.25, probability=0.0313)]
    assert printed(lambda: print_hits(hits, "table"), capsys) == (
        "match        score  photo\n62% likely   0.312  /photos/cat.jpg\n3% unlikely  0.250  /photos/dog.jpg\n"
    )


def test_hits_as_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    moment = datetime.fromisoformat("2024-05-01T12:30:15")
    found: dict[str, Any] = {"found": (WordHit("cat", "name"), WordHit("rome", "tag")), "word_evidence": 2 / 3}
    first = hit(taken_at=moment, taken_from="exif", width=640, latitude=-33.5, **found)
    lines = printed(lambda: print_hits([first, hit("/b")], "json"), capsys).splitlines()
    assert json.loads(lines[0]) == CAT
    assert len(lines) == 2


@click.command()
def find_nothing() -> None:
    """Print no hits."""
    print_hits([], "table")


def test_nothing_found_is_exit_1_and_a_note_on_stderr() -> None:
    run = CliRunner().invoke(find_nothing)
    assert (run.exit_code, run.stdout, run.stderr) == (1, "", "recall: nothing found\n")


@pytest.mark.parametrize(
    ("probability", "threshold", "sentence"),
    [
        (0.0196, 0.02, "with a match probability of 1%"),
        (0.2999, 0.3, "with a match probability of 29%"),
        (0.0004, 0.02, "with a match probability below 1%"),
    ],
)
def test_a_hidden_guess_is_never_said_to_be_as_likely_as_the_threshold(
    probability: float, threshold: float, sentence: str
) -> None:
    hits = Hits([hit(probability=probability)])

    @click.command()
    def search() -> None:
        likely = likely_hits(hits, threshold)
        print_likely(hits, likely, "table", threshold=threshold, shown=likely, pictures=None)

    run = CliRunner().invoke(search)
    assert (run.exit_code, run.stdout) == (1, "")
    assert sentence in run.stderr
