"""The generated parts of the README; cog calls these."""

from __future__ import annotations

from pathlib import Path

from docs.generator.markdown import block

DOCS = Path(__file__).resolve().parents[1]


def example(name: str) -> str:
    """Return an example's output as a code block."""
    return f"\n{block((DOCS / 'examples' / f'{name}.txt').read_text('utf-8'))}\n"


def measurement(name: str) -> str:
    """Return a measurement: its table, date, machine and command."""
    text = (DOCS / "measurements" / f"{name}.md").read_text("utf-8")
    return f"\n{text.partition('-->')[2].strip()}\n"
