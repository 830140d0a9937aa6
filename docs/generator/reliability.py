"""Draws how often people say yes to what Recall calls likely, before and after, from the tables of the manual."""

from __future__ import annotations

import re
from pathlib import Path

from docs.generator.svg import Svg

_DOCS = Path(__file__).parents[1]

_ROW = re.compile(r"^\| [\d%]+ to [\d%]+ \| ([\d.]+)% \| ([\d.]+)% \| ([\d,]+) \|$", re.MULTILINE)

SIZE, LEFT, TOP = 260, 44, 12
"""Of the plot, and its place in the picture."""


def as_picture() -> str:
    """Return the picture as SVG: a dashed line through what was said before, a solid one through what is said now."""
    svg = Svg(LEFT + SIZE + 70, TOP + SIZE + 44, "What Recall says, and how many people agree")
    svg.axes(LEFT, TOP, SIZE, across="Recall says, in percent", down="people say yes, in percent")
    svg.curve([(LEFT, TOP + SIZE), (LEFT + SIZE, TOP)], muted=True)
    for file, name, muted in (
        ("measured/calibration.md", "before", True),
        ("measurements/reliability.md", "now", False),
    ):
        points = [
            (LEFT + SIZE * float(said) / 100, TOP + SIZE * (1 - float(right) / 100))
            for said, right, _ in _ROW.findall((_DOCS / file).read_text(encoding="utf-8"))
        ]
        svg.curve(points, muted=muted, dots=True)
        svg.label(points[-1][0] + 8, points[-1][1] + 5, name)
    return svg.text()
