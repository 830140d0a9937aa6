"""The files of the gallery: small, from nowhere else, and without a text that is missing."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

GALLERY = Path(__file__).resolve().parents[2] / "retrieval" / "server" / "gallery"
FILES = sorted(path for path in GALLERY.rglob("*") if path.is_file())
SOURCES = [path for path in FILES if path.suffix in {".js", ".css", ".html"}]
MODULES = [path for path in FILES if path.suffix == ".js"]
MOST_BYTES = 150_000
"""Of all files, compressed."""


def test_all_files_together_are_small() -> None:
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in FILES) <= MOST_BYTES


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_file_has_at_most_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    addresses = re.findall(r"https?://[^\s\"'<>]+", path.read_text(encoding="utf-8"))
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}  # a name, which no browser asks for


def test_the_page_has_no_script_and_no_style_of_its_own() -> None:
    page = (GALLERY / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", page) == []
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
    for name in re.findall(r'(?:href|src)="gallery/([^"]+)"', page):
        assert (GALLERY / name).is_file(), name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_sets_no_markup_and_imports_what_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text) == []
    for names, module in re.findall(r'import \{([^}]+)\} from "\./([^"]+)"', text):
        exported = (GALLERY / module).read_text(encoding="utf-8")
        for name in (each.strip() for each in names.split(",") if each.strip()):
            assert re.search(rf"export (?:async )?(?:function|class|const|let) {name}\b", exported), f"{module}: {name}"
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is imported and not used"


def test_every_text_that_is_asked_for_exists_and_every_text_is_asked_for() -> None:
    known = set(re.findall(r'^\s*"?([\w.-]+)"?: (?:"|\{ one)|, "([\w.-]+)": "', _texts(), re.MULTILINE))
    keys = {first or second for first, second in known}
    code = "".join(path.read_text(encoding="utf-8") for path in MODULES if path.name != "texts.js")
    asked = set(re.findall(r'\bt\(\s*"([\w.-]+)"', code))
    assert asked - keys == set()
    families = tuple(re.findall(r"`([\w.-]+)\$\{", code))  # texts whose names end in a variable
    quoted = set(re.findall(r'"([\w.-]+)"', code))
    assert {key for key in keys if key not in quoted and not key.startswith(families)} == set()


def test_every_icon_that_is_shown_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (GALLERY / "icons.svg").read_text(encoding="utf-8")))
    code = "".join(path.read_text(encoding="utf-8") for path in MODULES)
    assert (
        set(re.findall(r'\bicon(?:Button)?\("([\w-]+)"', code)) | set(re.findall(r'name: "([\w-]+)"', code)) <= sprite
    )


def test_the_coastlines_are_rings_of_positions_and_name_their_licence() -> None:
    coast = json.loads((GALLERY / "coastlines.json").read_text(encoding="utf-8"))
    assert "public domain" in coast["source"]
    assert "ISC" in coast["source"]
    assert len(coast["rings"]) > 100
    for ring in coast["rings"]:
        latitudes = [sum(ring[1 : end + 1 : 2]) / coast["per_degree"] for end in range(1, len(ring), 2)]
        assert -90 <= min(latitudes) <= max(latitudes) <= 90


def _texts() -> str:
    return (GALLERY / "texts.js").read_text(encoding="utf-8")
