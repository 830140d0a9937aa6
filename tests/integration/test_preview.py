"""Pictures next to results, for terminals that answer as Kitty, with Sixel, or not at all; and in tmux."""

from __future__ import annotations

import base64
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from retrieval.cli.text import display_width
from tests.support.program import Program, assert_error, assert_usage_error, program_env

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")

SEARCH = ("search", "a cat", "--all", "-k", "2", "--preview")
ATTRIBUTES, CELL, KITTY = b"\x1b[c", b"\x1b[16t", b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
SIXEL_TERMINAL = {CELL: b"\x1b[6;20;10t", ATTRIBUTES: b"\x1b[?62;4;22c"}
KITTY_TERMINAL = {KITTY: b"\x1b_Gi=31;OK\x1b\\", CELL: b"\x1b[6;36;18t", ATTRIBUTES: b"\x1b[?62c"}
PLAIN_TERMINAL = {ATTRIBUTES: b"\x1b[?1;2c"}

SEQUENCE = re.compile(r"\x1b_G.*?\x1b\\|\x1bP.*?\x1b\\|\x1b\]8;;.*?\x1b\\|\x1b\[[?\d;]*[A-Za-z]|\x1b[78]", re.DOTALL)


@pytest.fixture(scope="module")
def recall(tmp_path_factory: pytest.TempPathFactory, recall_path: Path, skimage_photos: Path) -> Program:
    """Return the program over a library of three photos and a text; one photo is gone since."""
    folder = tmp_path_factory.mktemp("preview")
    (folder / "p").mkdir()
    for name in ("chelsea.png", "coffee.png", "rocket.jpg"):
        shutil.copy(skimage_photos / name, folder / "p")
    (folder / "p" / "cat.txt").write_text("a cat sleeps")
    program = Program(path=recall_path, env=program_env(folder), cwd=folder)
    assert program("index", "p").returncode == 0
    (folder / "p" / "rocket.jpg").unlink()
    return program


def shown(printed: str) -> list[str]:
    """Return the lines that a terminal shows, where pictures leave room."""
    return SEQUENCE.sub("", printed).splitlines()


def test_kitty_gets_pixels_once_and_placeholders_next_to_the_text(recall: Program) -> None:
    done = recall.on_terminal(*SEARCH, "--type", "photos", answers=KITTY_TERMINAL)
    assert done.returncode == 0
    assert [done.stdout.count(question.decode()) for question in (ATTRIBUTES, KITTY)] == [1, 1]
    messages = re.findall(r"\x1b_G([^;\x1b]*);?([^\x1b]*)\x1b\\", done.stdout)[1:]  # the first is the question
    placements = [keys for keys, _ in messages if keys.startswith("a=p")]
    assert [re.sub(r"i=\d+", "i=N", keys) for keys in placements] == ["a=p,i=N,c=26,r=9,U=1,q=2"] * 2  # 3:2
    first = "".join(data for keys, data in messages if keys.split(",")[0] == placements[0].split(",")[1])
    picture = Image.open(io.BytesIO(base64.b64decode(first)))
    assert (picture.format, picture.size) == ("PNG", (26 * 18, 9 * 36))
    red, green, blue = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    assert red > green > blue > 60  # a ginger cat
    assert done.stdout.count("\U0010eeee") == 2 * 26 * 9
    assert re.search("\U0010eeee.*\x1b\\[0m  .*photo.*chelsea.png", done.stdout)


def test_sixel_is_painted_over_the_room_left_next_to_the_text(recall: Program) -> None:
    done = recall.on_terminal(*SEARCH, "--type", "photos", answers=SIXEL_TERMINAL)
    pictures = re.findall(r"\x1b7\x1b\[(\d+)A(\x1bP.*?\x1b\\)\x1b8", done.stdout, re.DOTALL)
    assert [int(up) for up, _ in pictures] == [9, 9]
    assert all(re.match(r'\x1bP[\d;]*q"1;1;260;180#\d', data) for _, data in pictures)  # 26 by 9 cells of 10 by 20
    lines = [line for line in shown(done.stdout) if "chelsea.png" in line]
    assert re.fullmatch(r" {26}  photo  /.*chelsea\.png", lines[0])


def test_other_terminals_get_half_blocks_in_colours(recall: Program) -> None:
    done = recall.on_terminal(
        *SEARCH, "--type", "photos", columns=100, answers=PLAIN_TERMINAL, env={"COLORTERM": "truecolor"}
    )
    assert done.stdout.count("▀") == 27 * 9 * 2  # of 28 by 9 cells
    assert re.search(r"\x1b\[38;2;\d+;\d+;\d+;48;2;\d+;\d+;\d+m▀", done.stdout)
    few = recall.on_terminal(*SEARCH, answers=PLAIN_TERMINAL, env={"COLORTERM": ""})
    assert re.search(r"\x1b\[38;5;\d+;48;5;\d+m▀", few.stdout)


def test_blocks_fit_narrow_terminals(recall: Program) -> None:
    for columns in (40, 60, 120):
        lines = shown(recall.on_terminal(*SEARCH, columns=columns, answers=PLAIN_TERMINAL).stdout)
        assert max(map(display_width, lines)) <= columns, columns
        assert any("▀" in line for line in lines)


def test_a_terminal_without_an_answer_costs_a_second_and_gets_half_blocks(recall: Program) -> None:
    done = recall.on_terminal(*SEARCH)
    assert "▀" in done.stdout
    assert done.returncode == 0


def test_a_hit_whose_picture_is_gone_keeps_its_row_and_says_why(recall: Program) -> None:
    done = recall.on_terminal("search", "a rocket", "-k", "3", "--all", "--preview", answers=PLAIN_TERMINAL)
    lines = shown(done.stdout)
    row = next(place for place, line in enumerate(lines) if line.rstrip().endswith("rocket.jpg"))
    block = " ".join(line[:27].strip() for line in lines[row - 3 : row + 1])
    assert block.startswith("the file does not exist")
    assert done.returncode == 0
    assert "▀" in done.stdout  # the others are shown


def test_a_text_has_no_picture_and_its_row_is_aligned_with_the_others(recall: Program) -> None:
    lines = shown(recall.on_terminal(*SEARCH, "--type", "texts", answers=PLAIN_TERMINAL).stdout)
    [line] = [line for line in lines if "a cat sleeps" in line]
    assert re.fullmatch(r" {28}text +a cat sleeps", line)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"NO_COLOR": "1"}], ids=str)
def test_a_terminal_without_colours_gets_a_sentence_and_the_table(recall: Program, env: dict[str, str]) -> None:
    done = recall.on_terminal(*SEARCH, env=env)
    assert (
        "recall: --preview shows pictures in a terminal with colours, which this is not; printing a table\n"
        in done.stdout
    )
    assert not re.search(r"\x1b\[c|\x1b_G|▀", done.stdout)
    assert re.search(r"^match +score", done.stdout, re.MULTILINE)


def test_a_pipe_gets_a_sentence_on_standard_error_and_the_table(recall: Program) -> None:
    done = recall(*SEARCH)
    assert done.stderr.startswith("recall: --preview shows pictures in a terminal")
    assert "\x1b" not in done.stdout
    assert done.stdout == recall(*SEARCH[:-1]).stdout


def test_similar_and_list_show_pictures_too(recall: Program) -> None:
    for command in (("similar", "p/chelsea.png", "-k", "1"), ("list", "--type", "photos", "-k", "2")):
        assert "▀" in recall.on_terminal(*command, "--preview", answers=PLAIN_TERMINAL).stdout


def test_preview_and_other_formats_exclude_each_other(recall: Program) -> None:
    for option in ("--json", "--paths", "-0"):
        assert_usage_error(recall(*SEARCH, option), "--preview shows a table with pictures; leave it out, or")


def test_without_the_extra_one_sentence_says_what_to_install(recall: Program, tmp_path: Path) -> None:
    hide = "import sys\nsys.modules['textual_image'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(hide)
    done = recall(*SEARCH, env={"PYTHONPATH": str(tmp_path)})
    assert_error(done, "--preview needs", "pip install 'recall-photos[preview]'")


def viewer(folder: Path, script: str) -> dict[str, str]:
    """Return an environment whose xdg-open is a script."""
    program = folder / "xdg-open"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.skipif(sys.platform != "linux", reason="xdg-open is Linux's")
def test_open_shows_the_first_hit_in_the_systems_viewer(recall: Program, tmp_path: Path) -> None:
    env = viewer(tmp_path, f'echo "$@" > {tmp_path}/opened')
    done = recall("search", "a cat", "--type", "photos", "--open", "--paths", env=env)
    path = str(recall.cwd / "p" / "chelsea.png")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, path)
    assert (tmp_path / "opened").read_text() == f"{path}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="xdg-open is Linux's")
def test_open_without_a_viewer_or_file_is_an_error_in_a_sentence(recall: Program, tmp_path: Path) -> None:
    none = recall("search", "a cat", "--type", "photos", "--open", env=viewer(tmp_path, "exit 3"))
    assert none.returncode == 2
    assert "chelsea.png cannot be opened: xdg-open found no program for it; install" in none.stderr
    missing = recall("search", "a cat", "--type", "photos", "--open", env={"PATH": str(tmp_path / "nowhere")})
    assert "because there is no program xdg-open; open it in a viewer yourself" in missing.stderr
    gone = recall("search", "a rocket", "--all", "-k", "1", "--open", env=viewer(tmp_path, "exit 0"))
    assert "rocket.jpg does not exist any more; run: recall index" in gone.stderr


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[list[str | Path]]:
    """Return the beginning of commands for a server of tmux of its own."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    command: list[str | Path] = ["tmux", "-S", tmp_path / "s", "-f", "/dev/null"]
    yield command
    subprocess.run([*command, "kill-server"], check=False, capture_output=True)


def test_tmux_shows_half_blocks_and_no_question_as_its_title(recall: Program, tmux: list[str | Path]) -> None:
    line = f"{recall.path} {shlex.join([*SEARCH, '--type', 'photos'])}; echo code $?; exec sleep 60"
    start = [*tmux, "new-session", "-d", "-x", "90", "-y", "40", line]
    subprocess.run(start, check=True, env=dict(recall.env), cwd=recall.cwd)
    end = time.monotonic() + 60
    screen = ""
    while "code " not in screen and time.monotonic() < end:
        time.sleep(0.3)
        screen = subprocess.run([*tmux, "capture-pane", "-p"], check=True, capture_output=True, text=True).stdout
    assert "code 0" in screen
    assert re.search(r"^▀{20,28} +photo +/.*chelsea\.png$", screen, re.MULTILINE)
    assert not re.search(r"[;?]\d+[;c]|AAAA", screen)  # neither questions nor answers are printed
    title = subprocess.run([*tmux, "display", "-p", "#{pane_title}"], check=True, capture_output=True, text=True)
    assert "AAAA" not in title.stdout
