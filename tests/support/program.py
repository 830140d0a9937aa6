"""The installed `recall`, run as its users run it: in a process of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
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


def program_env(folder: Path) -> dict[str, str]:
    """Return an environment without the user's settings and without a network; home and library are in `folder`."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECALL_", "XDG_", "PYTHON"))}
    return {
        **kept,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(OFFLINE),
        "RECALL_LIBRARY": str(folder / "test.recall"),
    }
