"""Registries as sections of a command's help."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.registry import Entry
from retrieval.cli.text import wrap

_WIDTH = 78


def listing(title: str, entries: Sequence[Entry]) -> str:
    r"""Return the entries of a registry as an epilog of click: a title, and each entry with its help and default."""
    indent = max(len(entry.syntax) for entry in entries) + 4
    lines = [f"{title}:"]
    for entry in entries:
        words = f"{entry.help} (default: {entry.default})" if entry.default else entry.help
        first, *rest = wrap(words, _WIDTH - indent)
        lines += [f"  {entry.syntax.ljust(indent - 2)}{first}", *(" " * indent + line for line in rest)]
    return "\b\n" + "\n".join(lines)
