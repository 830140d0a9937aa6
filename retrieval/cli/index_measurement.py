"""What was measured of an index, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.vectors.measurements import IndexMeasurement


def describe(measurement: IndexMeasurement) -> str:
    """Return an index's kind, recall and speed in one phrase."""
    speed = f"{measurement.milliseconds:.2f} ms per query"
    if measurement.kind == "exact":
        return f"exact, {speed}"
    return f"{measurement.kind}, finds {measurement.recall:.1%} of the ten best in {speed}"
