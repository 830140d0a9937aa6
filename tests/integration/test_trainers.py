"""The trainers as commands of the checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("trainer", ["compact", "calibration", "control_set"])
def test_each_trainer_shows_its_help_in_the_checkout(trainer: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", f"training.{trainer}", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"usage: python -m training.{trainer} [-h] --data DATA")
    assert run.stderr == ""
