"""Exit codes of the installed program: 0 found or done, 1 nothing found, 2 error, 3 some failed, 130, 141."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.program import Program, program_env


@pytest.fixture(scope="module")
def recall(tmp_path_factory: pytest.TempPathFactory, recall_path: Path, skimage_photos: Path) -> Program:
    """Return the program over a library of real photos."""
    folder = tmp_path_factory.mktemp("codes")
    (folder / "photos").mkdir()
    (folder / "mixed").mkdir()
    shutil.copy(skimage_photos / "moon.png", folder / "mixed")
    for broken in (folder / "broken.jpg", folder / "mixed" / "broken.jpg"):
        broken.write_bytes(b"\xff\xd8\xff\xe0 cut")
    for name in ("chelsea.png", "coffee.png", "rocket.jpg"):
        shutil.copy(skimage_photos / name, folder / "photos")
    program = Program(path=recall_path, env=program_env(folder), cwd=folder)
    assert program("index", "photos").returncode == 0
    return program


@pytest.mark.parametrize(
    ("code", "command"),
    [
        (0, "search cat"),
        (0, "similar photos/chelsea.png"),
        (0, "explain cat photos/chelsea.png"),
        (0, "status --failed"),
        (0, "check"),
        (0, "versions"),
        (0, "words list"),
        (0, "feedback list"),
        (0, "encoder available"),
        (1, "search cat --after 2100"),
        (1, "similar photos/chelsea.png --before 1900"),
        (1, "explain cat photos/rocket.jpg -k 1"),
        (1, "duplicates"),
        (2, "search cat --library nowhere.recall"),
        (2, "search cat --threshold nan"),
        (2, "search missing.jpg"),
        (2, "search"),
        (2, "search cat --type pictures"),
        (2, "search cat --rerank best"),
        (2, "find cat"),
        (2, "words forget Biscuit"),
        (2, "rollback"),
        (2, "encoder use nothing"),
        (2, "feedback import nowhere.csv"),
        (2, "feedback export nowhere/judged.jsonl"),
        (2, "evaluate nowhere.csv"),
        (3, "index mixed --library mixed.recall"),
        (3, "learn Biscuit photos/chelsea.png broken.jpg"),
        (3, "check --library gone.recall"),
    ],
)
def test_the_exit_code_says_how_a_command_ended(recall: Program, code: int, command: str) -> None:
    if "gone.recall" in command:
        shutil.copytree(recall.cwd / "photos", recall.cwd / "gone")
        recall("index", "gone", "--library", "gone.recall")
        shutil.rmtree(recall.cwd / "gone")
    done = recall(*command.split())
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done


def test_a_bug_is_an_error_and_not_nothing_found(recall: Program) -> None:
    broken = (
        "from retrieval.cli import main; import retrieval.cli.commands.versions as versions; "
        "versions.open_library = lambda *_: 1 / 0; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", broken, "versions"], capture_output=True, text=True, check=False, env=dict(recall.env)
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts a process by a signal")
def test_ctrl_c_is_130(recall: Program) -> None:
    process = subprocess.Popen(
        [recall.path, "search", "-"], env=dict(recall.env), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)  # it waits for its input
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "recall: stopped\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
@pytest.mark.parametrize(
    "command",
    ["search cat --all", "search cat --all --json", "search cat -0 --all", "status", "--help", "index --help"],
)
def test_when_nobody_reads_on_it_ends_quietly_with_141(recall: Program, command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [recall.path, *command.split()], stdout=writer, stderr=subprocess.PIPE, env=dict(recall.env), check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
def test_head_takes_the_first_line_and_the_program_complains_of_nothing(recall: Program) -> None:
    pipe = f"'{recall.path}' search cat --all --json | head -n 1"
    done = subprocess.run(["sh", "-c", pipe], capture_output=True, text=True, env=dict(recall.env), check=False)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
