"""Which endings count as photos, and how a run says that pictures with other endings were passed over."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from indexer.errors import NoPhotosError
from retrieval import Library
from tests.support.pictures import encoded, quadrants
from tests.support.sync_results import counts

JPEG = encoded(quadrants(), "JPEG")


def put(folder: Path, *names: str, content: bytes = JPEG) -> None:
    """Write files that differ by their last bytes."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content + os.fsencode(name))


def test_files_of_3d_and_panorama_cameras_and_of_browsers_are_photos(library: Library, folder: Path) -> None:
    endings = (
        "MPO",
        "jps",
        "insp",
        "pjpeg",
        "pjp",
        "jfi",
        "jpg_large",
        "dib",
        "apng",
        "heics",
        "heifs",
        "avifs",
        "gpr",
    )
    put(folder, *(f"photo.{ending}" for ending in endings))
    assert counts(library.sync(folder)) == {"added": len(endings)}


def test_a_run_counts_pictures_with_other_endings_and_nothing_else(library: Library, folder: Path) -> None:
    put(folder, "a.jpg", "b.thm", "c.THM", "sub/d.thm", "no ending", ".hidden")
    put(folder, "a.mp4", "a.pdf", "note", content=b"no picture ")
    assert library.sync(folder).passed_over == {".thm": 3, "": 2}


def test_excluded_files_are_not_counted(library: Library, folder: Path) -> None:
    put(folder, "a.jpg", "b.thm")
    assert library.sync(folder, exclude=["*.thm"]).passed_over == {}


def test_a_run_opens_few_files_of_an_ending(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        put(folder, f"{number}/a.raw data", f"{number}/b.raw data", content=b"no picture ")
    put(folder, "a.jpg")
    opened: list[bytes] = []
    real_open = os.open

    def count(path: bytes, *args: int) -> int:
        opened.append(path)
        return real_open(path, *args)

    monkeypatch.setattr(os, "open", count)
    library.sync(folder)
    assert len([path for path in opened if os.fsencode(path).endswith(b".raw data")]) == 8


def test_pipes_and_broken_links_with_other_endings_do_no_harm(library: Library, folder: Path) -> None:
    put(folder, "a.jpg", "b.thm")
    os.mkfifo(folder / "pipe.thm")
    (folder / "link.thm").symlink_to("nowhere")
    assert list(library.sync(folder).passed_over) == [".thm"]


def test_a_folder_with_such_pictures_only_is_refused_with_their_endings(library: Library, folder: Path) -> None:
    put(folder, "b.thm")
    with pytest.raises(NoPhotosError, match=r"files with other endings hold pictures: \.thm"):
        library.sync(folder)


def test_the_command_says_it_in_a_line(recall_program: Callable[..., CompletedProcess[str]], photos: Path) -> None:
    put(photos, "b.thm")
    result = recall_program("index", str(photos))
    assert "passed over 1 file ending in .thm, at least one of which holds a picture" in result.stderr
