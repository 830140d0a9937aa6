"""The installed `recall`, run as its users run it: in a process of its own."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

OFFLINE = Path(__file__).parent / "offline"


@dataclass(frozen=True, slots=True)
class Program:
    """A console script and where it runs.

    Attributes:
        path: The script.
        env: Its whole environment, see `program_env`.
        cwd: The folder that it runs in.
    """

    path: Path
    env: Mapping[str, str]
    cwd: Path

    def __call__(
        self, *args: str | Path, stdin: str | bytes = "", env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Return the finished run; bytes that are no UTF-8 come back as surrogates, as they do in file names."""
        return subprocess.run(
            [self.path, *args],
            input=stdin if isinstance(stdin, str) else stdin.decode("utf-8", "surrogateescape"),
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env={**self.env, **(env or {})},
            cwd=cwd or self.cwd,
            timeout=300,
            check=False,
        )

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """Return the finished run of a shell command, which finds the program in $RECALL_PROGRAM."""
        return subprocess.run(
            ["bash", "-c", command],
            capture_output=True,
            text=True,
            env={**self.env, "RECALL_PROGRAM": str(self.path)},
            cwd=self.cwd,
            timeout=300,
            check=False,
        )

    def on_terminal(
        self,
        *args: str | Path,
        columns: int = 80,
        env: Mapping[str, str] | None = None,
        answers: Mapping[bytes, bytes] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Return the finished run on a terminal of so many columns; `stdout` has both streams, lines end with LF.

        `answers` has what the terminal answers to sequences.
        """
        import fcntl  # late, as the next two: not on Windows
        import pty
        import termios

        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [self.path, *args],
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
            env={**self.env, "TERM": "xterm-256color", **(env or {})},
            cwd=self.cwd,
        )
        os.close(slave)
        printed = b""
        with suppress(OSError):  # EIO: the program has closed the terminal
            while part := os.read(master, 65536):
                printed += part
                for question, answer in (answers or {}).items():
                    os.write(master, answer * part.count(question))
        os.close(master)
        code = process.wait(timeout=300)
        text = printed.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        return subprocess.CompletedProcess(process.args, code, text, "")

    def start(self, *args: str | Path) -> subprocess.Popen[str]:
        """Return a run that goes on, in a process group of its own, which a test may interrupt as a terminal does."""
        return subprocess.Popen(
            [self.path, *args],
            env=dict(self.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


SETTINGS = ("RECALL_", "XDG_", "PYTHON", "COLUMNS", "FORCE_", "NO_COLOR", "VTE_")
"""Beginnings of variables that change what the program does or prints."""


def program_env(folder: Path) -> dict[str, str]:
    """Return an environment without the user's settings and without a network; home and library are in `folder`."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    others = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    return {
        **others,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(OFFLINE),
        "RECALL_LIBRARY": str(folder / "test.recall"),
    }


def assert_error(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    """Check that a run ended with exit code 2, and with one line that contains what is expected."""
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("recall: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for part in expected:
        assert part in done.stderr


def assert_usage_error(done: subprocess.CompletedProcess[str], expected: str) -> None:
    """Check that a run ended with exit code 2, the usage, and one line that contains what is expected."""
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("Usage: recall ")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert expected in line
    assert "Traceback" not in done.stderr
