"""Tests of the README and the manual: every Python block runs, in the home of someone with photos."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.program import program_env

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
BLOCK = re.compile(r"^```python[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def script(page: Path) -> str:
    """Return the Python blocks of a page as one program in which each line has the number that it has on the page."""
    text = page.read_text(encoding="utf-8")
    inside = {number for block in BLOCK.finditer(text) for number in _lines(text, block.start(1), block.end(1))}
    return "\n".join(line if number in inside else "" for number, line in enumerate(text.splitlines()))


def _lines(text: str, start: int, end: int) -> range:
    return range(text.count("\n", 0, start), text.count("\n", 0, end))


WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


@pytest.fixture
def home(skimage_photos: Path, tmp_path: Path) -> Path:
    """Return a home folder with a few photos in ~/Pictures, and two more for blocks that search with a picture."""
    home = tmp_path / "home"
    pictures = home / "Pictures"
    pictures.mkdir(parents=True)
    for name in PHOTOS:
        shutil.copy(skimage_photos / name, pictures)
    shutil.copy(skimage_photos / "chelsea.png", home / "photo.jpg")  # a PNG by content, which is what counts
    shutil.copy(skimage_photos / "motorcycle_right.png", home / "street.jpg")
    return home


def test_readme_shows_recall_in_python() -> None:
    assert ROOT / "README.md" in WITH_CODE


def test_readme_has_at_most_150_lines_and_1000_words() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 150
    assert len(text.split()) < 1000


def test_links_and_pictures_of_readme_are_absolute() -> None:
    # The package index shows the README away from the repository.
    targets = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))

    assert targets
    assert [target for target in targets if not target.startswith("https://")] == []


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_blocks_of_a_page_run_one_after_the_other(page: Path, home: Path) -> None:
    # A file in a process of its own, as the reader would run it; a traceback has the line numbers of the page.
    program = home / page.with_suffix(".py").name
    program.write_text(script(page), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, program],
        cwd=home,
        env=program_env(home.parent),  # its home is this home
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
