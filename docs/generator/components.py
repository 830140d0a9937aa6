"""The measurement of Recall as a component, which exists after it has run beside the other stores."""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "measurements" / "component-speed.md"


def component_speed() -> str:
    """Return the measurement, or a sentence that there is none."""
    return FILE.read_text("utf-8") if FILE.exists() else "Not measured yet: `make bench NAMES=component-speed`."
