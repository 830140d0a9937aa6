"""`recall list`, as the installed program, on real photos."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from retrieval import Library
from tests.support.encoders import FakeEncoder
from tests.support.pictures import exif_block, skimage_data
from tests.support.program import Program, program_env

CAMERAS = {"b.jpg": ("PENTAX", "PENTAX K-5"), "a.jpg": ("Canon", "Canon EOS R5"), "Café 1.jpg": ("PENTAX", "K-1")}


@pytest.fixture(scope="module")
def recall(tmp_path_factory: pytest.TempPathFactory, recall_path: Path) -> Program:
    """Return the program over a library of three photos by two cameras, and a text."""
    folder = tmp_path_factory.mktemp("list")
    (folder / "photos").mkdir()
    for name, camera in CAMERAS.items():
        with Image.open(skimage_data() / "coffee.png") as picture:
            picture.convert("RGB").resize((90, 60)).save(folder / "photos" / name, exif=exif_block(camera=camera))
    (folder / "photos" / "note.md").write_text("# Coffee")
    with Library.open(folder / "test.recall", encoder=FakeEncoder()) as library:
        library.sync(folder / "photos")
    return Program(path=recall_path, env=program_env(folder), cwd=folder)


def names(recall: Program, *arguments: str) -> list[str]:
    """Return the names of the files that are listed."""
    done = recall("list", *arguments, "--paths")
    assert done.stderr == ""
    return [Path(line).name for line in done.stdout.splitlines()]


def test_photos_by_a_camera_are_listed_by_path(recall: Program) -> None:
    assert names(recall, "--camera", "Pentax") == ["Café 1.jpg", "b.jpg"]


def test_the_order_can_be_chosen_and_reversed(recall: Program) -> None:
    assert names(recall, "--sort", "name") == ["a.jpg", "b.jpg", "café 1.jpg".replace("c", "C"), "note.md"]
    assert names(recall, "--sort", "-name", "--type", "photos") == ["Café 1.jpg", "b.jpg", "a.jpg"]


def test_a_list_that_is_cut_names_the_cursor_that_continues_it(recall: Program) -> None:
    listed, options = list[str](), ["--sort", "-added", "-k", "3", "--paths"]
    first = recall("list", *options)
    listed += first.stdout.splitlines()
    (cursor,) = re.findall(r"^---- there are more; continue with: --cursor ([\w-]+)$", first.stderr, re.MULTILINE)
    second = recall("list", *options, "--cursor", cursor)
    assert second.stderr == ""
    assert len({*listed, *second.stdout.splitlines()}) == 4


def test_paths_with_nul_and_json_are_for_programs(recall: Program) -> None:
    assert recall("list", "--type", "texts", "-0").stdout.endswith("/note.md\0")
    (item,) = map(json.loads, recall("list", "--camera", "canon", "--json").stdout.splitlines())
    assert (Path(item["path"]).name, item["camera"], item["width"]) == ("a.jpg", "Canon EOS R5", 90)


def test_the_table_has_a_column_for_what_is_known(recall: Program) -> None:
    lines = recall("list", "--camera", "canon").stdout.splitlines()
    assert lines[0].split() == ["taken", "camera", "photo"]  # none has a rating
    assert lines[1].split()[1:4] == ["Canon", "EOS", "R5"]


def test_a_count_is_a_number_alone(recall: Program) -> None:
    assert recall("list", "--count").stdout == "4\n"
    assert recall("list", "--camera", "pentax", "--count", "--json").stdout == '{"count": 2}\n'


@pytest.mark.parametrize("count", [(), ("--count",)])
def test_nothing_found_is_exit_code_1(recall: Program, count: tuple[str, ...]) -> None:
    done = recall("list", "--camera", "Leica", *count)
    assert done.returncode == 1
    assert (done.stdout, done.stderr) == (("0\n", "") if count else ("", "recall: nothing found\n"))


def test_a_wrong_cursor_is_an_error_in_one_line(recall: Program) -> None:
    done = recall("list", "--cursor", "x\ny")
    assert done.returncode == 2
    assert (
        done.stderr == "recall: the cursor 'x\\ny' does not belong to a list in the order 'path'; start without one\n"
    )
