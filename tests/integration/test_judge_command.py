"""`recall judge` as an installed program on real photos."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.contents import rows
from tests.support.program import Program


@pytest.fixture
def indexed(recall_program: Program, photos: Path) -> Path:
    """Return a folder of real photos that the program has indexed."""
    assert recall_program("index", photos).returncode == 0
    return photos


def test_without_a_library_or_a_last_search_there_is_nothing_to_judge(recall_program: Program, photos: Path) -> None:
    assert recall_program("judge").stderr.startswith("recall: there is no library")
    recall_program("index", photos)
    done = recall_program("judge")
    assert (done.returncode, "there is no last search to judge" in done.stderr) == (2, True)


def test_judge_asks_about_the_last_search_and_stores_each_answer(
    recall_program: Program, indexed: Path, tmp_path: Path
) -> None:
    recall_program("search", "a cat", "-k", "1")
    done = recall_program("judge", "-k", "4", stdin="y\nwhat\ns\nn\n")  # and the input ends
    assert (done.returncode, done.stdout) == (0, "")
    assert "what is not an answer; type y, n, s or q" in done.stderr
    assert "judged 1 good and 1 bad" in done.stderr
    judgements = [json.loads(line) for line in recall_program("feedback", "list", "--json").stdout.splitlines()]
    assert [(judged["query"], judged["verdict"], judged["position"]) for judged in judgements] == [
        ("a cat", "good", 1),
        ("a cat", "bad", 3),
    ]
    assert rows(tmp_path / "test.recall", "SELECT count(*) FROM showings") == [(1,)]


def test_judge_ends_at_q(recall_program: Program, indexed: Path) -> None:
    done = recall_program("judge", "a cat", "--json", stdin="n\nq\ny\n")
    assert json.loads(done.stdout) == {"good": 0, "bad": 1}


def test_judge_asks_nothing_if_photos_are_named(recall_program: Program, indexed: Path) -> None:
    done = recall_program("judge", "a drink", "--good", indexed / "coffee.png")
    assert done.stderr == "judged 1 good and 0 bad; see: recall feedback list, recall tune\n"
    assert "learning needs 6" in recall_program("tune").stderr


def test_judgements_are_exported_to_a_file_or_to_standard_output(
    recall_program: Program, indexed: Path, tmp_path: Path
) -> None:
    recall_program("judge", "a drink", "--good", indexed / "coffee.png")
    assert recall_program("feedback", "export", "judged.jsonl").stderr == "1 judgement written\n"
    assert recall_program("feedback", "export", "-").stdout == (tmp_path / "judged.jsonl").read_text()
    both = recall_program("feedback", "export", "-", "--json")
    assert both.returncode == 2
    assert "--json and FILE - both print to standard output" in both.stderr
    missing = recall_program("feedback", "export", "nowhere/judged.jsonl")
    assert missing.stderr == (
        "recall: nowhere/judged.jsonl cannot be written (No such file or directory); name another file\n"
    )
