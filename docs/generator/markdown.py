"""Markdown that the generators write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a vertical bar in a cell is escaped."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: str) -> str:
    """Return text as inline code, nothing for an empty one."""
    return f"`{text}`" if text else ""


def block(text: str, language: str = "console") -> str:
    """Return text as a code block."""
    return f"```{language}\n{text.strip()}\n```"
