"""`recall browse` as an installed program, in tmux and without a terminal."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from retrieval.terminal.graphics import Graphics
from retrieval.terminal.pictures import load_textual_image
from tests.support.program import Program, assert_error


def test_pictures_are_loaded_without_asking_the_terminal() -> None:
    module = load_textual_image(Graphics("blocks", (7, 15)))
    from textual_image._terminal import get_cell_size

    assert tuple(get_cell_size()) == (7, 15)
    assert {"TGPImage", "SixelImage", "HalfcellImage"} <= set(dir(module))


def test_outside_of_a_terminal_a_sentence_names_recall_search(recall_program: Program) -> None:
    assert_error(recall_program("browse", "a dog"), "recall browse needs a terminal that can move its cursor")


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_the_installed_program_runs_in_tmux(recall_program: Program, photos: Path) -> None:
    assert recall_program("index", photos).returncode == 0
    tmux: list[str | Path] = ["tmux", "-S", recall_program.cwd / "s", "-f", "/dev/null"]

    def wait_for(pattern: str) -> str:
        end = time.monotonic() + 60
        text = ""
        while not re.search(pattern, text, re.MULTILINE):
            assert time.monotonic() < end, text
            time.sleep(0.3)
            text = subprocess.run([*tmux, "capture-pane", "-p"], check=True, capture_output=True, text=True).stdout
        return text

    def press(key: str) -> None:
        subprocess.run([*tmux, "send-keys", key], check=True)

    line = f"{recall_program.path} browse a cat; echo code $?; exec sleep 60"
    start = [*tmux, "new-session", "-d", "-x", "90", "-y", "30", line]
    subprocess.run(start, check=True, env=dict(recall_program.env), cwd=recall_program.cwd)
    try:
        assert not re.search(r"AAAA|\[\?\d", wait_for(r"▸ chelsea\.png \d+%"))
        wait_for(r"▀{10}")
        press("y")
        wait_for(r"✓ chelsea\.png")
        press("Enter")
        wait_for(r"1 of \d+: ✓ chelsea\.png")
        press("q")
        wait_for(r"^code 0$")
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)
    assert "a cat  good     1" in recall_program("feedback", "list").stdout
