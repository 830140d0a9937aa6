"""`recall judge` as an installed program on real photos."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
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


def asked(stderr: str) -> list[str]:
    """Return the paths that were asked about, in their order."""
    return re.findall(r"\d+/\d+  (?:\d+% )?(/.*)$", stderr, re.MULTILINE)


def judgements(recall_program: Program) -> list[tuple[str, str, str, int | None]]:
    """Return query, file name, verdict and rank of each judgement."""
    lines = map(json.loads, recall_program("feedback", "list", "--json").stdout.splitlines())
    return [(line["query"], Path(line["path"]).name, line["verdict"], line["position"]) for line in lines]


def test_judge_asks_about_the_last_search_and_stores_each_answer(
    recall_program: Program, indexed: Path, tmp_path: Path
) -> None:
    shown = recall_program("search", "a cat", "-k", "4", "--all", "--paths").stdout.splitlines()
    done = recall_program("judge", stdin="y\nwhat\ns\nn\n")  # and the input ends
    assert (done.returncode, done.stdout) == (0, "")
    assert "what is not an answer; type y, n, s or q" in done.stderr
    assert "judged 1 good and 1 bad" in done.stderr
    names = [Path(path).name for path in shown]
    assert judgements(recall_program) == [("a cat", names[0], "good", 1), ("a cat", names[2], "bad", 3)]
    assert rows(tmp_path / "test.recall", "SELECT count(*) FROM showings") == [(1,)]
    assert rows(tmp_path / "test.recall", "SELECT count(*) FROM shown") == [(4,)]


@pytest.mark.parametrize(
    "search",
    [
        ["a cat", "-k", "3", "--all", "--name", "*.png", "--sort", "-date"],
        ["a cat", "--image", "photos/rocket.jpg", "-k", "3", "--offset", "2", "--no-hybrid", "--all"],
        ["2: a cat", "-", "a drink", "-k", "3", "--rerank", "mmr:0.3", "--all"],
        ["photos/coffee.png", "-k", "20", "--threshold", "0.5"],
        ["a cat", "-k", "4", "--rerank", "bursts:0.1", "--expand", "--all"],
    ],
)
def test_judge_asks_about_what_the_last_search_showed_in_its_order(
    recall_program: Program, indexed: Path, search: list[str]
) -> None:
    for number, photo in enumerate(sorted(indexed.iterdir())):
        os.utime(photo, (1_600_000_000 + number // 4 * 1000,) * 2)  # bursts of four
    recall_program("index", indexed)
    shown = recall_program("search", *search, "--paths").stdout.splitlines()
    assert shown
    done = recall_program("judge", stdin="y\n" * len(shown))
    assert asked(done.stderr) == shown
    first = int(search[search.index("--offset") + 1]) + 1 if "--offset" in search else 1
    assert [(name, rank) for _, name, _, rank in judgements(recall_program)] == [
        (Path(path).name, rank) for rank, path in enumerate(shown, start=first)
    ]


def test_judge_asks_about_no_hidden_hit(recall_program: Program, indexed: Path) -> None:
    assert recall_program("search", "a cat", "--threshold", "1").returncode == 1
    done = recall_program("judge")
    assert (done.returncode, asked(done.stderr)) == (1, [])
    assert done.stderr.startswith("recall: nothing was found, so there is nothing to judge")
    shown = recall_program("search", "a cat", "-k", "20", "--paths").stdout.splitlines()
    assert 0 < len(shown) < 20
    assert asked(recall_program("judge", "a cat", "-k", "20", stdin="s\n" * 20).stderr) == shown


def test_judge_asks_about_files_that_changed_since_and_says_which_left_the_library(
    recall_program: Program, indexed: Path
) -> None:
    shown = recall_program("search", "a cat", "-k", "3", "--all", "--paths").stdout.splitlines()
    shutil.copy(shown[2], shown[0])  # another picture, which would not be found there
    Path(shown[1]).unlink()
    recall_program("index", indexed)
    done = recall_program("judge", stdin="y\ny\nn\n")
    assert (done.returncode, asked(done.stderr)) == (3, shown)
    assert f"{shown[1]} is not in the library" in done.stderr
    assert [judgement[1:] for judgement in judgements(recall_program)] == [
        (Path(shown[0]).name, "good", 1),
        (Path(shown[2]).name, "bad", 3),
    ]


def test_photos_named_for_the_last_search_have_the_ranks_at_which_it_showed_them(
    recall_program: Program, indexed: Path
) -> None:
    shown = recall_program("search", "a cat", "-k", "3", "--all", "--paths").stdout.splitlines()
    recall_program("judge", "--good", shown[1])
    assert judgements(recall_program) == [("a cat", Path(shown[1]).name, "good", 2)]
    recall_program("search", "a drink", "--threshold", "1")  # shows nothing, and another photo would have been right
    recall_program("judge", "--good", indexed / "coffee.png")
    assert judgements(recall_program)[1] == ("a drink", "coffee.png", "good", None)


def test_a_search_with_a_picture_from_standard_input_cannot_be_judged(recall_program: Program, indexed: Path) -> None:
    picture = (indexed / "coffee.png").read_bytes()
    subprocess.run(
        [recall_program.path, "search", "-"], input=picture, env=recall_program.env, check=True, capture_output=True
    )
    done = recall_program("judge", stdin="y\n")
    assert done.returncode == 2
    assert "the last search had a picture that is not a file" in done.stderr


@pytest.mark.parametrize(
    "content",
    ["", "[]", '["a cat"]', "[" * 100_000, '{"parts": null}', '{"parts": 5, "hits": [], "offset": 0}',
     '{"parts": {"texts": ["\\ud800"], "images": [], "weights": [1]}, "hits": [], "offset": 0, "fingerprint": ""}',
     '{"parts": {"texts": ["a"], "images": [], "weights": [1]}, "hits": [], "offset": 1e999, "fingerprint": ""}'],
)  # fmt: skip
def test_a_damaged_file_of_the_last_search_is_none(
    recall_program: Program, indexed: Path, tmp_path: Path, content: str
) -> None:
    (tmp_path / "test.recall" / "last-search.json").write_text(content)
    done = recall_program("judge", stdin="y\n")
    assert (done.returncode, "there is no last search to judge" in done.stderr) == (2, True)


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
        "recall: nowhere/judged.jsonl cannot be written: there is no folder nowhere; make it, or name another\n"
    )


def test_an_import_says_in_sentences_what_it_did_and_once_what_is_wrong_with_a_line(
    recall_program: Program, indexed: Path, tmp_path: Path
) -> None:
    table = tmp_path / "judged.csv"
    good = f"a drink,{indexed}/coffee.png,good\na cat,{tmp_path}/gone.png,bad\n"
    table.write_text(f"query,path,verdict\n{good}")
    done = recall_program("feedback", "import", table)
    assert (done.returncode, done.stderr, done.stdout) == (
        0,
        "",
        "2 judgements added. 1 of them is of a file that is not in the library; it counts when the file is indexed.\n",
    )
    table.write_text(f"query,path,verdict\n{good}a cat,{indexed}/coffee.png,maybe\n")
    done = recall_program("feedback", "import", table)
    assert (done.returncode, done.stdout) == (
        3,
        "0 judgements added. 2 judgements were in the library already. 1 line cannot be used.\n",
    )
    assert done.stderr == "recall: skipped line 4: the verdict is 'maybe'; expected good or bad\n"
    table.write_text("query,path,verdict\na cat,x.png,maybe\n")
    done = recall_program("feedback", "import", table)
    assert (done.returncode, done.stdout, done.stderr.count("'maybe'"), done.stderr.count("\n")) == (2, "", 1, 1)
    lines = tmp_path / "judged.jsonl"
    lines.write_text('{"query": "a cat", "path": "x.png"}\nno JSON\n')
    assert (
        "line 1: there is no verdict; expected query, path and verdict"
        in recall_program("feedback", "import", lines).stderr
    )
