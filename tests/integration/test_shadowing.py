"""The installed program in a folder whose own `retrieval` or `indexer` has the name of one of Recall's packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import indexer
import retrieval
from tests.support.program import Program

RUN = 'raise SystemExit("the other module was run")\n'
"""Content of a module that fails when it is imported."""


def python(*args: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Return a run of the interpreter that Recall is installed for."""
    return subprocess.run(
        [sys.executable, *args], cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def env(recall_program: Program) -> dict[str, str]:
    """Return the environment of the program, without a setting that keeps the working directory off the path."""
    return {name: value for name, value in recall_program.env.items() if name != "PYTHONSAFEPATH"}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return a working directory with packages `retrieval` and `indexer` that are not Recall's."""
    folder = tmp_path / "work"
    for name in ("retrieval", "indexer"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(RUN)
    return folder


def refusal(path: Path) -> str:
    """Return the message about a file or folder that hides the package indexer."""
    return (
        f"ImportError: {path} hides Recall's package 'indexer' in {Path(indexer.__path__[0]).resolve()}; "
        "rename it, or run Recall from another folder with the command recall"
    )


def test_the_command_is_not_shadowed_nor_are_its_workers(
    recall_program: Program, work: Path, skimage_photos: Path, env: dict[str, str]
) -> None:
    done = recall_program("index", skimage_photos / "coffee.png", cwd=work, env=env)
    assert done.returncode == 0, done.stderr
    assert "1 added" in done.stdout


@pytest.mark.parametrize(
    "args", [("-m", "retrieval", "--version"), ("-c", "import retrieval"), ("-c", "import retrieval.cli")]
)
def test_a_folder_that_hides_indexer_is_named_and_not_run(
    work: Path, env: dict[str, str], args: tuple[str, ...]
) -> None:
    (work / "retrieval" / "__init__.py").unlink()
    (work / "retrieval").rmdir()
    done = python(*args, cwd=work, env=env)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == refusal(work / "indexer")


def test_a_file_that_hides_indexer_is_named_and_not_run(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "indexer.py").write_text(RUN)
    done = python("-m", "retrieval", "--version", cwd=tmp_path, env=env)
    assert done.stderr.splitlines()[-1] == refusal(tmp_path / "indexer.py")


def test_a_folder_on_the_python_path_that_hides_indexer_is_named(
    recall_program: Program, work: Path, env: dict[str, str]
) -> None:
    (work / "retrieval" / "__init__.py").unlink()
    done = recall_program("--version", env={"PYTHONPATH": str(work)})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == refusal(work / "indexer")


def test_python_names_a_folder_that_hides_retrieval(work: Path, env: dict[str, str]) -> None:
    (work / "retrieval" / "__init__.py").write_text("")  # Recall's code is not reached: this is Python's own message
    done = python("-c", "from retrieval import Library", cwd=work, env=env)
    assert str(work / "retrieval") in done.stderr.splitlines()[-1]


def test_folders_without_python_code_hide_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    for name in ("retrieval", "indexer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cat.jpg").touch()
    done = python("-m", "retrieval", "--version", cwd=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_safe_path_option_ignores_the_working_directory(work: Path, env: dict[str, str]) -> None:
    done = python("-P", "-m", "retrieval", "--version", cwd=work, env=env)
    assert done.returncode == 0, done.stderr
    assert retrieval.__version__ in done.stdout
