"""The layers of the packages, from import-linter's contracts, as text and as a picture."""

from __future__ import annotations

import tomllib
from pathlib import Path

from docs.generator.svg import Svg

ROOT = Path(__file__).resolve().parents[2]

WIDTH, ROW, GAP = 360, 30, 7


def layers() -> dict[str, list[list[str]]]:
    """Return the layers of each package, the highest first; rooms in one layer do not know each other."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    found = {}
    for contract in contracts:
        for package in contract.get("containers", ()):
            rooms = [[room.strip() for room in layer.split("|")] for layer in contract["layers"]]
            existing = [[room for room in layer if not room.startswith("(")] for layer in rooms]
            found[package] = [layer for layer in existing if layer]
    return found


def as_text() -> str:
    """Return the layers as a code block."""
    lines = ["training"]
    for package, rows in layers().items():
        lines += [f"── {package} {'─' * (58 - len(package))}", *(f"    {' | '.join(row)}" for row in rows)]
    return "\n".join(["", "```text", *lines, "```", ""])


def as_picture() -> str:
    """Return the layers as an SVG picture: what stands higher imports what stands lower."""
    stacks = layers()
    heights = {package: 28 + len(rows) * (ROW + GAP) + GAP for package, rows in stacks.items()}
    svg = Svg(WIDTH, ROW + GAP + sum(heights.values()) + GAP * len(heights), "What stands on what")
    svg.box(0, 0, WIDTH, ROW, "training (not installed)", muted=True)
    top = ROW + GAP
    for package, rows in stacks.items():
        svg.frame(0, top, WIDTH, heights[package], package)
        for number, row in enumerate(rows):
            _row(svg, top + 28 + number * (ROW + GAP), row)
        top += heights[package] + GAP
    return svg.text()


def _row(svg: Svg, top: float, rooms: list[str]) -> None:
    width = (WIDTH - 2 * GAP - (len(rooms) - 1) * GAP) / len(rooms)
    for number, room in enumerate(rooms):
        svg.box(GAP + number * (width + GAP), top, width, ROW, room)
