"""The picture of how data flows."""

from __future__ import annotations

from docs.generator.svg import Svg

COLUMNS = {
    "Index": (
        "walk\nfolders",
        "plan what\nis new",
        "decode in\nprocesses",
        "encode\nbatches",
        "commit to\nthe catalog",
        "update\nthe index",
    ),
    "Search": (
        "parse\nthe query",
        "encode\nits parts",
        "candidates\nof the index",
        "score exactly,\nmerge words",
        "rerank",
        "hits with\nprobability",
    ),
    "Learn": (
        "store\nimpressions",
        "judge hits",
        "build a\ntraining set",
        "train adapter\nor LoRA",
        "gate on held-\nout queries",
        "activate\nor discard",
    ),
}
"""Each column with its steps."""

WIDTH, HEIGHT, ACROSS, DOWN = 108, 44, 18, 18
"""Of a box, and between two."""


def as_picture() -> str:
    """Return the picture as SVG: one column each for indexing, searching and learning."""
    steps = max(map(len, COLUMNS.values()))
    svg = Svg(len(COLUMNS) * (WIDTH + ACROSS) - ACROSS, 22 + steps * (HEIGHT + DOWN) - DOWN, "How data flows")
    for column, (name, boxes) in enumerate(COLUMNS.items()):
        left = column * (WIDTH + ACROSS)
        svg.label(left, 14, name)
        for row, step in enumerate(boxes):
            top = 22 + row * (HEIGHT + DOWN)
            svg.box(left, top, WIDTH, HEIGHT, step)
            if row:
                svg.arrow(left + WIDTH / 2, top - DOWN + 3, left + WIDTH / 2, top - 3)
    return svg.text()
