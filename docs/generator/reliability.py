"""Draws how often people say yes to what Recall calls likely, before and after, from the tables of the manual."""

from __future__ import annotations

import re
from pathlib import Path

from docs.generator.svg import Svg

_DOCS = Path(__file__).parents[1]

_ROW = re.compile(r"^\| [\d%]+ to [\d%]+ \| ([\d.]+)% \| ([\d.]+)% \| ([\d,]+) \|$", re.MULTILINE)

_FEWEST = 10
"""Pairs of a point, at least."""

SIZE, LEFT, TOP = 260, 44, 12
"""Of the plot, and its place in the picture."""


def as_picture() -> str:
    """Return the picture as SVG: a dashed line through what was said before, a solid one through what is said now."""
    svg = Svg(LEFT + SIZE + 20, TOP + SIZE + 44, "What Recall says, and how many people agree")
    svg.axes(LEFT, TOP, SIZE, across="Recall says, in percent", down="people say yes, in percent")
    svg.curve([(LEFT, TOP + SIZE), (LEFT + SIZE, TOP)], muted=True)
    for file, name, muted in (
        ("measured/calibration.md", "before", True),
        ("measurements/reliability.md", "now", False),
    ):
        points = [
            (LEFT + SIZE * float(said) / 100, TOP + SIZE * (1 - float(right) / 100))
            for said, right, pairs in _ROW.findall((_DOCS / file).read_text(encoding="utf-8"))
            if int(pairs.replace(",", "")) >= _FEWEST
        ]
        svg.curve(points, muted=muted, dots=True)
        x, y = points[len(points) // 2]
        svg.label(*((x - 58, y - 8) if muted else (x + 10, y + 14)), name)
    return svg.text()
