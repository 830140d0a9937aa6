"""What messages and documents tell people to install exists: our own distribution with an extra that it has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = set(PROJECT["project"]["optional-dependencies"])
GROUPS = set(PROJECT["dependency-groups"])
OTHERS = {"faiss-cpu", "faiss-gpu"}
"""Packages that a message may tell people to uninstall."""

PATTERNS = (
    *("indexer/**/*.py", "retrieval/**/*.py", "training/**/*.py"),
    *("indexer/**/*.md", "docs/**/*.md", "*.md"),
)
SOURCES = sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern))

NAME = re.compile(r"recall-(?:search|photos)(?:\[(?P<extras>[^\]]*)\])?")
INSTALL = re.compile(r"(?:pip|uv|pipx)(?: tool)? (?P<verb>install|uninstall) (?P<what>[^\n`\";)|]+)")


def test_our_distribution_is_called_by_one_name_and_with_extras_that_exist() -> None:
    wrong = []
    for path in SOURCES:
        for found in re.finditer(
            r"recall-(?:search|photos)(?:\[(?P<extras>[^\]]*)\])?", path.read_text(encoding="utf-8")
        ):
            extras = {extra.strip().strip("\\") for extra in (found["extras"] or "").split(",")} - {"", "{extra}"}
            if not found[0].startswith("recall-photos") or not extras <= EXTRAS:
                wrong.append(f"{path.relative_to(ROOT)}: {found[0]}")
    assert not wrong


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_install_commands_name_our_distribution_or_this_checkout(path: Path) -> None:
    """Anything else that a person is told to install must be listed here with a reason."""
    for found in INSTALL.finditer(path.read_text(encoding="utf-8")):
        words = [word.strip("'\"\\,").rstrip(".") for word in found["what"].split()]
        named = [word for word in words if word and not word.startswith("-")]
        first = named[0] if named else ""
        if found["verb"] == "uninstall":
            assert first in OTHERS | {"recall-photos"}, found[0]
            continue
        if first == "openapi-python-client":  # makes a client from the server's description; nothing of ours needs it
            continue
        is_ours = first.startswith(("recall-photos", "{", ".")) or first == "recall_photos"
        assert is_ours, f"{found[0]!r} installs {first!r}; expected recall-photos or a checkout"


def test_dependency_groups_in_advice_exist() -> None:
    for path in SOURCES:
        for group in re.findall(r"--group[ =]([a-z]+)", path.read_text(encoding="utf-8")):
            assert group in GROUPS, f"{path.name}: there is no dependency group {group!r}"
