"""The trainers as commands of the checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from training.compact.__main__ import main

ROOT = Path(__file__).resolve().parents[3]


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


def test_training_without_captioned_sets_ends_with_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]) == 1
    assert caplog.messages == [f"{tmp_path} holds no captioned set; expected folders with captions.csv and images/"]
