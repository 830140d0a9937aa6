"""The frozen app of the manual."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "apps.md"
_BLOCK = re.compile(r'^```python title="finder.py"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def source() -> str:
    """Return the source of the app."""
    found = _BLOCK.search(PAGE.read_text(encoding="utf-8"))
    assert found
    return found[1]


def freeze(program: str, *, python: Path, into: Path) -> Path:
    """Return the executable that PyInstaller makes of a program, in a folder with all that it needs.

    Args:
        program: The source of the program.
        python: The Python of an environment with PyInstaller, Recall and whatever else the program imports.
        into: A new folder.
    """
    into.mkdir()
    (into / "finder.py").write_text(program, encoding="utf-8")
    others = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run = subprocess.run(
        [python, "-m", "PyInstaller", "finder.py"],
        cwd=into,
        env={**others, "PYINSTALLER_CONFIG_DIR": str(into / "cache")},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert run.returncode == 0, run.stderr
    return into / "dist" / "finder" / ("finder.exe" if os.name == "nt" else "finder")


def run(app: Path, *args: str, home: Path, cwd: Path) -> str:
    """Return what the app prints in an environment that has nothing but a home.

    Args:
        app: The executable.
        *args: Its arguments.
        home: The home.
        cwd: The folder that it runs in.
    """
    done = subprocess.run(
        [app, *args],
        cwd=cwd,
        env={"HOME": str(home), "USERPROFILE": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
