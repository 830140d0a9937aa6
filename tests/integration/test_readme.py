"""Every Python block of the README runs as it stands there, one after the other, in the home of someone with photos."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.program import program_env

README = Path(__file__).resolve().parents[2] / "README.md"
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")


def blocks() -> list[tuple[int, str]]:
    """Return line number and text of each ```python block of the README."""
    text = README.read_text(encoding="utf-8")
    found = re.finditer(r"^```python[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, block.start(1)) + 1, block[1]) for block in found]


@pytest.fixture(scope="module")
def home(skimage_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home folder with a few photos in ~/Pictures, and two more for blocks that ask with a picture."""
    home = tmp_path_factory.mktemp("readme") / "home"
    pictures = home / "Pictures"
    pictures.mkdir(parents=True)
    for name in PHOTOS:
        shutil.copy(skimage_photos / name, pictures)
    shutil.copy(skimage_photos / "chelsea.png", home / "photo.jpg")  # a PNG by content, which is what counts
    shutil.copy(skimage_photos / "motorcycle_right.png", home / "street.jpg")
    return home


def test_the_readme_shows_recall_in_python() -> None:
    assert blocks()


@pytest.mark.parametrize(("line", "code"), [pytest.param(*block, id=f"line-{block[0]}") for block in blocks()])
def test_readme_block_runs(line: int, code: str, home: Path) -> None:
    # A file in a process of its own, as the reader would run it; empty lines make the line numbers those of the README.
    script = home / "README.py"
    script.write_text("\n" * (line - 1) + code, encoding="utf-8")
    env = program_env(home.parent)  # its home is this home
    run = subprocess.run(
        [sys.executable, script], cwd=home, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr
