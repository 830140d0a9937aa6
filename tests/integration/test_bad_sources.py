"""Sources, paths and encoders that cannot be used, given to the installed program: one line and exit code 2."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.contents import contents, rows
from tests.support.program import Program, assert_error


def test_a_missing_folder_is_an_error_and_changes_nothing(
    recall_program: Program, color_library: Path, tmp_path: Path
) -> None:
    before = contents(color_library)
    done = recall_program("index", tmp_path / "nowhere")
    assert_error(done, "nowhere cannot be found (No such file or directory); name a folder or a picture")
    assert contents(color_library) == before


def test_a_missing_folder_makes_no_library(recall_program: Program, tmp_path: Path) -> None:
    assert_error(recall_program("index", tmp_path / "nowhere"), "nowhere cannot be found (No such file or directory)")
    assert not (tmp_path / "test.recall").exists()


def test_one_missing_folder_of_several_does_not_keep_the_others_from_being_synced(
    recall_program: Program, color_library: Path, tmp_path: Path
) -> None:
    known = Path(os.fsdecode(contents(color_library)[0][0])).parent
    done = recall_program("index", known, tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    others, refusal = done.stderr.splitlines()
    assert others == "recall: the others were synced: 0 added, 3 unchanged"
    assert "nowhere cannot be found" in refusal


def test_a_folder_without_photos_is_an_error(recall_program: Program, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "list.doc").write_text("milk")
    assert_error(
        recall_program("index", tmp_path / "notes"),
        "contains no photos or texts; expected a folder with pictures such as .jpg",
    )


def test_a_folder_without_a_readable_photo_is_an_error_and_changes_nothing(
    recall_program: Program, color_library: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_bytes(b"")
    before = contents(color_library)
    done = recall_program("index", tmp_path / "bad")
    assert_error(done, "no picture in", "a.jpg: the file is empty (0 bytes); run: recall status --failed")
    assert [row for row in contents(color_library) if row[2] is None] == before


def test_a_file_that_is_not_a_photo_is_an_error(recall_program: Program, color_library: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.doc").write_text("milk")
    assert_error(recall_program("index", tmp_path / "notes.doc"), "no picture in", "notes.doc")


def test_a_library_without_sources_has_nothing_to_index_again(recall_program: Program, color_library: Path) -> None:
    rows(color_library, "PRAGMA foreign_keys = OFF")
    rows(color_library, "DELETE FROM sources")
    assert_error(recall_program("index"), "there is nothing to index again; name a folder: recall index FOLDER")


def test_a_path_outside_the_library_cannot_be_forgotten(recall_program: Program, color_library: Path) -> None:
    assert_error(recall_program("forget", "elsewhere"), "the library has nothing at", "run: recall status")


def test_another_encoder_is_an_error_and_changes_nothing(
    recall_program: Program, color_library: Path, color_album: Path
) -> None:
    before = contents(color_library)
    advice = ("indexed with encoder 'fake/colours' but 'compact' was requested", "leave out --encoder, or")
    assert_error(recall_program("search", "red", "--encoder", "compact"), *advice)
    assert_error(recall_program("index", color_album, "--encoder", "compact"), *advice)
    assert contents(color_library) == before


def test_an_unknown_encoder_is_an_error(recall_program: Program, color_album: Path) -> None:
    assert_error(
        recall_program("index", color_album, "--encoder", "clip"),
        "no encoder is called 'clip'; expected compact, SHORT-NAME, MODEL/WEIGHTS",
    )
