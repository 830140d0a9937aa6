"""Registries: what users choose by name, each described once for help texts, messages and the manual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that users choose by name; a registry is a tuple of these.

    Attributes:
        name: Short name, unique in its registry.
        syntax: How it is written, with capital letters for what the user fills in and brackets around optional parts.
        help: What it is, in one phrase that begins in lower case and has no full stop.
        default: What is used when the optional part of `syntax` is left out; empty when nothing can be left out.
    """

    name: str
    syntax: str
    help: str
    default: str = ""


def expected(entries: Sequence[Entry]) -> str:
    """Return the ways to write the entries, for messages and help: "compact, hf-hub:ORG/REPO or local-dir:PATH"."""
    *others, last = (entry.syntax for entry in entries)
    return f"{', '.join(others)} or {last}" if others else last


def described(entries: Sequence[Entry]) -> str:
    """Return the entries with their help, for the help of an option: "exact: compares …; ivf-sq8: inverted lists …"."""
    return "; ".join(f"{entry.syntax}: {entry.help}" for entry in entries)
