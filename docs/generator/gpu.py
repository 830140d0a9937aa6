"""The measurement of GPUs, which exists only after somebody has run it on one."""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "measurements" / "gpu.md"


def gpu() -> str:
    """Return the measurement, or a sentence that there is none."""
    return (
        FILE.read_text("utf-8")
        if FILE.exists()
        else "Not measured yet; on a machine with a GPU: `make bench NAMES=gpu`."
    )
