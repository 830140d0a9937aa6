"""The generated parts of the README; cog calls these."""

from __future__ import annotations

import re
from pathlib import Path

from docs.generator.markdown import block, table

DOCS = Path(__file__).resolve().parents[1]

SPEED = (
    ("a search from the command line among 100,000 photos", "cold-start", "Cold start", "recall search"),
    ("indexing with `compact`", "indexing-speed", "Indexing, compact", "recall index"),
    ("indexing with ViT-B-32 in int8, program start included", "rclip", "a second", "Recall, int8"),
    ("rclip with the same architecture", "rclip", "a second", "rclip"),
    ("`recall index` over 100,000 unchanged files", "catalog-speed", "A sync of 100,000", "Recall"),
)
"""What the speed table says, and where the figure is: the file, words of the table before it or in it, and the row."""


def example(name: str) -> str:
    """Return an example's output as a code block."""
    return f"\n{block((DOCS / 'examples' / f'{name}.txt').read_text('utf-8'))}\n"


def measurement(name: str) -> str:
    """Return a measurement: what was printed, the date, the machine and the command."""
    return f"\n{_read(name).partition('-->')[2].strip()}\n"


def speed() -> str:
    """Return the table of speed, with figures from several measurements."""
    rows = [(what, figure(_read(name), heading, row)) for what, name, heading, row in SPEED]
    dates = sorted(
        {re.findall(r"^Measured on (.+? \d{4}) on", _read(name), re.MULTILINE)[0] for _, name, _, _ in SPEED}
    )
    return f"\n{table(('What was measured', 'Result'), rows)}\n\nMeasured on {' and '.join(dates)}.\n"


def figure(text: str, heading: str, row: str) -> str:
    """Return the second cell of a row, in the first table that contains a heading or follows it.

    Raises:
        ValueError: No table has both.
    """
    for part in re.split(r"\n(?=\*\*)", text):
        if heading in part and (cell := re.search(rf"^\| {re.escape(row)} *\| *([^|]+?) *\|", part, re.MULTILINE)):
            return cell[1]
    raise ValueError(f"no measurement has the row {row!r} under {heading!r}; correct SPEED in {Path(__file__).name}")


def _read(name: str) -> str:
    return (DOCS / "measurements" / f"{name}.md").read_text("utf-8")
