"""What was measured, as tables that people read and that fit into the README."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HEAD = ("", "measured", "ratio", "goal", "")

PACKAGES = ("numpy", "faiss-cpu", "faiss-gpu", "onnxruntime", "torch", "open-clip-torch")
"""Packages whose versions decide the figures; of FAISS's builds one is installed."""


@dataclass
class Table:
    """Rows by group, in the order in which they were measured."""

    groups: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    heads: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def row(
        self,
        group: str,
        what: str,
        measured: str,
        *,
        ratio: float | None = None,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Add a row.

        Args:
            group: What the rows under one heading have in common.
            what: What was measured.
            measured: The figure with its unit.
            ratio: To what the row or its heading names.
            at_least: The goal of the ratio, where it has one.
            at_most: The goal of the ratio, where it is to be small.
        """
        shown = (
            "" if ratio is None else f"{ratio:.3f}" if ratio < 1 else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}"
        )
        goal, verdict = "", ""
        if ratio is not None and at_least is not None:
            goal, verdict = f"at least {at_least:g}", "met" if ratio >= at_least else "not met"
        elif ratio is not None and at_most is not None:
            goal, verdict = f"at most {at_most:g}", "met" if ratio <= at_most else "not met"
        self.groups.setdefault(group, []).append((what, measured, shown, goal, verdict))

    def wide(self, group: str, **figures: str) -> None:
        """Add a row of a table whose columns have these names; the first says what was measured."""
        self.heads[group] = tuple(name.replace("_", " ") for name in figures)
        self.groups.setdefault(group, []).append(tuple(figures.values()))

    def lines(self) -> Iterator[str]:
        """Yield the tables in Markdown, their columns under each other."""
        usual = [row for group, rows in self.groups.items() if group not in self.heads for row in rows]
        for group, members in self.groups.items():
            head = self.heads.get(group, HEAD)
            rows = [head, *(members if group in self.heads else usual)]
            widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
            yield from ("", f"**{group}**", "", _line(head, widths))
            yield (
                "|"
                + "|".join(
                    "-" * (width + 1) + (":" if _is_figure(at, head) else "-") for at, width in enumerate(widths)
                )
                + "|"
            )
            for row in members:
                yield _line(row, widths)


def machine() -> str:
    """Return what the figures were taken on: processor, system, versions, and how busy it is."""
    versions = ", ".join(f"{name} {version}" for name in PACKAGES for version in _version(name))
    load = f"; load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores of {_processor()}, Python {platform.python_version()}, {versions}{load}"


def _version(name: str) -> list[str]:
    """Return a package's version, nothing where it is not installed."""
    try:
        return [importlib.metadata.version(name)]
    except importlib.metadata.PackageNotFoundError:
        return []


def _processor() -> str:
    """Return the processor's name, which Linux has only in a file."""
    cpuinfo = Path("/proc/cpuinfo")
    names = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    found = [line.partition(":")[2].strip() for line in names if line.startswith("model name")]
    return found[0] if found else platform.processor() or platform.machine()


def _is_figure(at: int, row: tuple[str, ...]) -> bool:
    return 0 < at < (3 if len(row) == len(HEAD) else len(row))


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    """Return a row of a table; figures stand at the right of their column."""
    cells = [
        cell.rjust(width) if _is_figure(at, row) else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "| " + " | ".join(cells) + " |"
