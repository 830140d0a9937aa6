"""Files and functions stay small enough to read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("indexer", "retrieval", "training", "migrations", "docs", "tests")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
MOST_FILE_LINES, MOST_FUNCTION_LINES = 300, 40
"""A docstring does not count as part of its function."""


def long_functions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            if lines > MOST_FUNCTION_LINES:
                yield f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_at_most_300_lines_and_a_function_40(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_FILE_LINES
    assert list(long_functions(ast.parse(text))) == []


@pytest.mark.parametrize("package", ["indexer", "retrieval"])
def test_a_package_has_at_most_15_rooms(package: str) -> None:
    rooms = [path for path in (ROOT / package).iterdir() if (path / "__init__.py").exists()]
    assert len(rooms) <= 15
