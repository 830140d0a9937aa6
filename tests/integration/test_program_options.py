"""Options that every command has, where they may stand, and what is suggested for words that do not exist."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.program import Program, program_env


@pytest.fixture(scope="module")
def recall(tmp_path_factory: pytest.TempPathFactory, recall_path: Path, skimage_photos: Path) -> Program:
    """Return the program, with a library in test.recall of two photos and one in other.recall of one."""
    folder = tmp_path_factory.mktemp("options")
    (folder / "photos").mkdir()
    for name in ("chelsea.png", "coffee.png"):
        shutil.copy(skimage_photos / name, folder / "photos")
    program = Program(path=recall_path, env=program_env(folder), cwd=folder)
    assert program("index", "photos").returncode == 0
    assert program("index", "photos/coffee.png", "--library", "other.recall").returncode == 0
    return program


@pytest.mark.parametrize(
    ("command", "library"),
    [
        ("status", "test.recall"),  # of RECALL_LIBRARY
        ("status --library other.recall", "other.recall"),
        ("--library other.recall status", "other.recall"),
        ("--library nowhere.recall status --library other.recall", "other.recall"),
        ("--library other.recall encoder list", "other.recall"),
    ],
)
def test_the_library_may_be_named_before_the_command_and_the_name_after_it_counts_more(
    recall: Program, command: str, library: str
) -> None:
    done = recall(*command.split())
    assert done.returncode == 0, done.stderr
    if "status" in command:
        assert done.stdout.startswith("library  ")
        assert done.stdout.splitlines()[0].endswith(library)
    else:
        assert " 1 " in done.stdout  # photo


def test_the_shell_completes_the_folder_of_a_library(recall: Program) -> None:
    line = {"_RECALL_COMPLETE": "bash_complete", "COMP_WORDS": "recall status --library oth", "COMP_CWORD": "3"}
    assert recall(env=line).stdout == "file,oth\n"


@pytest.mark.parametrize("option", ["-k", "-n", "--limit"])
def test_the_number_of_results_has_three_names(recall: Program, option: str) -> None:
    done = recall("search", "a cat", "--all", "--paths", option, "1")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("command", ["-q search submarine", "search -q submarine", "search submarine --quiet"])
def test_quiet_hides_notes_wherever_it_stands(recall: Program, command: str) -> None:
    done = recall(*command.split(), "--threshold", "1")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_quiet_keeps_errors(recall: Program) -> None:
    assert recall("-q", "similar", "nowhere.jpg").stderr.startswith("recall: nowhere.jpg cannot be used")


@pytest.mark.parametrize("command", ["-v similar nowhere.jpg", "similar nowhere.jpg --verbose"])
def test_verbose_shows_where_an_error_comes_from(recall: Program, command: str) -> None:
    done = recall(*command.split())
    assert done.returncode == 2
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.splitlines()[-1].startswith("recall: nowhere.jpg cannot be used")


def test_verbose_and_quiet_exclude_each_other(recall: Program) -> None:
    done = recall("-v", "status", "-q")
    assert done.returncode == 2
    assert "Error: --verbose and --quiet exclude each other; give one of them\n" in done.stderr


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("serach cat", "No such command 'serach'. Did you mean 'search'?"),
        ("encoder lst", "No such command 'lst'. Did you mean 'list'?"),
        ("encoder frobnicate", "No such command 'frobnicate'."),
        ("encoders", "No such command 'encoders'. Did you mean 'encoder'?"),
        ("search cat --in photos", "'--in'. Did you mean '--type'?"),
        ("tune --probe x.csv", "'--probe'. Did you mean '--control-set'?"),
        ("search cat --treshold 0", "Did you mean '--threshold'?"),
        ("search cat --rerank moments", "no reranker is called 'moments'. Did you mean 'bursts'?"),
        ("search cat --rerank exakt", "no reranker is called 'exakt'. Did you mean 'exact'?"),
        ("search cat --rerank mmr:high", "mmr has 'high'"),
    ],
)
def test_a_word_that_does_not_exist_gets_a_suggestion(recall: Program, command: str, message: str) -> None:
    done = recall(*command.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr.splitlines()[-1]


def test_python_runs_the_package_as_the_program(recall: Program) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "retrieval", "--help"], capture_output=True, text=True, check=False, env=dict(recall.env)
    )
    assert (done.returncode, done.stdout) == (0, recall("--help").stdout)
