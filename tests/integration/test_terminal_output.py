"""What a terminal gets that a pipe does not: a width, links, colour, progress; on pseudo-terminals."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from retrieval.cli.text import display_width
from tests.support.program import Program, program_env

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")

LINK = re.compile(r"\x1b\]8;;(?P<uri>[^\x1b]*)\x1b\\")
STYLE = re.compile(r"\x1b\[[0-9;]*m")
DEEP = "pictures of everything that I have/2024"


@pytest.fixture(scope="module")
def recall(tmp_path_factory: pytest.TempPathFactory, recall_path: Path, skimage_photos: Path) -> Program:
    """Return the program over a library of real photos in a folder with a long name, and of a broken one."""
    folder = tmp_path_factory.mktemp("terminal")
    (folder / DEEP).mkdir(parents=True)
    for name in ("chelsea.png", "coffee.png", "rocket.jpg"):
        shutil.copy(skimage_photos / name, folder / DEEP)
    shutil.copy(skimage_photos / "coffee.png", folder / DEEP / "日本.png")
    (folder / DEEP / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    program = Program(path=recall_path, env=program_env(folder), cwd=folder)
    assert program("index", DEEP).returncode == 3
    return program


def plain(text: str) -> str:
    """Return what a terminal shows of a text."""
    return STYLE.sub("", LINK.sub("", text))


SEARCH = ("search", "a cup of coffee", "--all")


@pytest.mark.parametrize("columns", [55, 60, 100])
@pytest.mark.parametrize("command", [SEARCH, ("status", "--failed"), ("status",), ("duplicates",)], ids=" ".join)
def test_tables_fit_the_terminal(recall: Program, command: tuple[str, ...], columns: int) -> None:
    shown = recall.on_terminal(*command, columns=columns).stdout
    lines = plain(shown.rpartition("\x1b[K")[2]).splitlines()  # after the progress
    assert max(map(display_width, lines)) <= columns


def test_a_long_path_is_shortened_in_the_middle_on_a_terminal_and_never_in_a_pipe(recall: Program) -> None:
    path = str(recall.cwd / DEEP / "chelsea.png")
    narrow = plain(recall.on_terminal("search", "a cat", "-k", "1", columns=60).stdout)
    assert path not in narrow
    assert re.search(r"  /.*….*chelsea\.png\n", narrow)
    assert path in plain(recall.on_terminal("search", "a cat", "-k", "1", columns=250).stdout)
    assert path in recall("search", "a cat", "-k", "1", env={"COLUMNS": "40"}).stdout


def test_paths_for_other_programs_are_whole_on_a_terminal_too(recall: Program) -> None:
    path = str(recall.cwd / DEEP / "chelsea.png")
    assert f"{path}\n" in recall.on_terminal("search", "a cat", "-k", "1", "--paths", columns=40).stdout


def test_hits_link_to_their_files_on_a_terminal_and_nowhere_else(recall: Program) -> None:
    links = LINK.findall(recall.on_terminal(*SEARCH, "-k", "4").stdout)
    files = [link for link in links if link]
    assert len(files) == 4
    assert all(link.startswith(f"file://{os.uname().nodename}/") for link in files)
    assert any(link.endswith("/pictures%20of%20everything%20that%20I%20have/2024/chelsea.png") for link in files)
    assert any(link.endswith("/%E6%97%A5%E6%9C%AC.png") for link in files)
    assert links[1::2] == [""] * 4  # each is closed
    assert "\x1b" not in recall(*SEARCH, "-k", "4").stdout


@pytest.mark.parametrize(
    "env", [{"TERM": "dumb"}, {"TERM": "linux"}, {"VTE_VERSION": "4800"}, {"FORCE_HYPERLINK": "0"}]
)
def test_terminals_that_show_no_links_get_none(recall: Program, env: dict[str, str]) -> None:
    assert not LINK.search(recall.on_terminal(*SEARCH, env=env).stdout)


def test_colour_is_for_terminals_and_off_with_no_color(recall: Program) -> None:
    assert recall.on_terminal(*SEARCH).stdout.splitlines()[-5].startswith("\x1b[1mmatch\x1b[0m")
    without = recall.on_terminal(*SEARCH, env={"NO_COLOR": "1"}).stdout
    assert not STYLE.search(without)
    assert LINK.search(without)  # links are not colour
    assert STYLE.search(recall.on_terminal(*SEARCH, env={"NO_COLOR": ""}).stdout)  # empty means that it is not set
    assert "\x1b" not in recall.on_terminal(*SEARCH, env={"TERM": "dumb"}).stdout


def test_errors_are_coloured_on_a_terminal_only(recall: Program) -> None:
    command = ("similar", "nowhere.jpg")
    assert recall.on_terminal(*command).stdout.startswith("\x1b[31mrecall:\x1b[0m nowhere.jpg cannot be used")
    assert recall.on_terminal(*command, env={"NO_COLOR": "1"}).stdout.startswith("recall: nowhere.jpg")
    assert recall(*command).stderr.startswith("recall: nowhere.jpg")


def test_progress_is_painted_over_within_the_width_and_q_hides_it(recall: Program) -> None:
    command = ("index", "--library", "new.recall", DEEP)
    painted = recall.on_terminal(*command, columns=40).stdout.split("\r\x1b[K")
    assert len(painted) > 2
    assert all(display_width(line) < 40 for line in painted[:-1])
    assert plain(painted[-1]).startswith("4 added, 1 failed in ")
    quiet = recall.on_terminal("index", "-q").stdout
    assert "\x1b[K" not in quiet
    assert "failed: " in plain(quiet)


def test_paths_on_a_terminal_cannot_give_it_orders_and_in_a_pipe_they_stay_as_they_are(
    recall_program: Program, tmp_path: Path
) -> None:
    name = "a\x1b]0;OWNED\x07\x1b[31m \u202etxt.exe.txt"
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / name).write_text("a cat on a wall")
    assert recall_program("index", tmp_path / "notes").returncode == 0
    for options in (["--paths"], ["-0"], []):
        shown = recall_program.on_terminal("search", "a cat", "--all", *options).stdout
        assert "\x1b]0;" not in shown
        assert "\u202e" not in shown
    assert name in recall_program("search", "a cat", "--all", "--paths").stdout
    refused = recall_program.on_terminal("search", f"--{name}").stdout
    assert "\x1b]0;" not in refused
    missing = recall_program.on_terminal("index", f"./{name}", "-v").stdout
    assert "\x1b]0;" not in missing
