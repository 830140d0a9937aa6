"""Files that commands write for their users: over no file that exists, unless --force says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.program import Program


@pytest.fixture
def judged(recall_program: Program, photos: Path) -> Program:
    """Return the program, with a library of two photos and a judgement."""
    assert recall_program("index", photos / "coffee.png", photos / "horse.png").returncode == 0
    assert recall_program("judge", "a cup", "--good", photos / "coffee.png").returncode == 0
    (photos.parent / "captions.csv").write_text("image,caption\ncoffee.png,a cup\nhorse.png,a horse\n")
    (photos.parent / "images").symlink_to(photos)
    return recall_program


@pytest.mark.parametrize(
    "command",
    [
        ["feedback", "export", "MINE"],
        ["explain", "a cup", "photos/coffee.png", "--save", "MINE"],
        ["evaluate", "captions.csv", "--save", "MINE"],
    ],
)
def test_a_command_writes_over_no_file_without_force(judged: Program, tmp_path: Path, command: list[str]) -> None:
    mine = tmp_path / "mine.png"
    mine.write_bytes(b"precious")
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "missing.png")
    for file in (mine, link):
        done = judged(*[str(file) if word == "MINE" else word for word in command])
        assert done.returncode == 2
        assert "exists already; name a new file, or write over it with --force" in done.stderr
    assert mine.read_bytes() == b"precious"
    assert not (tmp_path / "missing.png").exists()
    done = judged(*[str(mine) if word == "MINE" else word for word in command], "--force")
    assert done.returncode == 0, done.stderr
    assert mine.read_bytes() != b"precious"
    assert not list(tmp_path.glob("*.part"))


def test_exported_judgements_are_for_their_owner_and_can_go_to_a_device(judged: Program, tmp_path: Path) -> None:
    assert judged("feedback", "export", tmp_path / "judged.jsonl").returncode == 0
    assert (tmp_path / "judged.jsonl").stat().st_mode & 0o777 == 0o600
    assert '"a cup"' in judged("feedback", "export", "/dev/stdout").stdout
    assert '"a cup"' in judged("feedback", "export", "-").stdout
