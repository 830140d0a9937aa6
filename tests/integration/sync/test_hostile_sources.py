"""A folder of hostile files, indexed: the run ends, the good ones are found, each bad one says what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from indexer.errors import FailureKind
from retrieval import Library
from tests.support.color_photos import advance_mtime, paint
from tests.support.encoders import FakeEncoder
from tests.support.hostile import Expectation, hostile_folder
from tests.support.program import Program

RETRIED = {FailureKind.TOO_LARGE, FailureKind.UNREADABLE, FailureKind.UNSUPPORTED}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Expectation], Path]:
    """Return a hostile folder with three good photos, what each path should give, and a library of it, synced once."""
    place = tmp_path_factory.mktemp("hostile")
    folder = place / "folder"
    expected = hostile_folder(folder)
    for colour in ("red", "lime", "blue"):
        expected.append(Expectation(path=paint(folder / f"good {colour}.png", colour), failure=None))
    with Library.open(place / "test.recall", encoder=FakeEncoder()) as library:
        report = library.sync(folder)
        assert report.failed == len(report.failures)
        assert [failure.path for failure in report.failures] == [failure.path for failure in library.failures()]
    return folder, expected, place / "test.recall"


@pytest.fixture
def library_copy(hostile: tuple[Path, list[Expectation], Path], tmp_path: Path) -> Path:
    """Return a copy of the library of the hostile folder, where `recall_program` looks for it."""
    return Path(shutil.copytree(hostile[2], tmp_path / "test.recall"))


def test_every_bad_file_is_recorded_with_its_kind_and_every_good_one_is_found(
    hostile: tuple[Path, list[Expectation], Path],
) -> None:
    _, expected, path = hostile
    assert sum(one.failure is not None for one in expected) >= 30
    with Library.open(path, encoder=FakeEncoder()) as library:
        failures = {Path(failure.path): failure for failure in library.failures()}
        found = {hit.path for hit in library.search("red", k=1000)}
        assert library.search("red", k=1)[0].path.name == "good red.png"
    walked = [one for one in expected if one.walked]
    assert {one.path: failures[one.path].kind for one in walked if one.path in failures} == {
        one.path: one.failure for one in walked if one.failure
    }
    assert found == {one.path for one in walked if one.failure is None}
    assert all(failure.message and "\n" not in failure.message for failure in failures.values())


def test_a_second_run_decodes_only_what_a_setting_or_a_permission_could_mend(
    hostile: tuple[Path, list[Expectation], Path], library_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, expected, _ = hostile
    tried: list[str] = []
    from indexer.images.workers import DecodePool

    real = DecodePool.imap

    def noting(self: DecodePool, items: object, **how: object) -> object:
        for item, photo in real(self, items, **how):  # type: ignore[arg-type, var-annotated]
            tried.append(item.file.path)
            yield item, photo

    monkeypatch.setattr(DecodePool, "imap", noting)
    encoder = FakeEncoder()
    with Library.open(library_copy, encoder=encoder) as library:
        report = library.sync(folder)
    assert sorted(tried) == sorted(str(one.path) for one in expected if one.walked and one.failure in RETRIED)
    assert encoder.pictures == []
    assert (report.added, report.changed, report.removed) == (0, 0, 0)
    assert report.failed == sum(one.walked and one.failure is not None for one in expected)


def test_a_bad_file_that_is_replaced_by_a_good_one_is_indexed_by_the_next_run(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    names = ("empty.jpg", "text.jpg", "cut at 5 tenths.png", "50,000 x 50,000.png", "dangling link.jpg")
    hostile_folder(tmp_path / "hostile")
    for name in names:
        shutil.copy(tmp_path / "hostile" / name, folder / name, follow_symlinks=False)
    paint(folder / "good.png", "red")
    assert library.sync(folder).failed == len(names)
    for name in names:
        (folder / name).unlink()
        advance_mtime(paint(folder / name, "blue"))
    report = library.sync(folder)
    assert (report.changed, report.failed) == (len(names), 0)
    assert library.failures() == []
    assert {hit.path.name for hit in library.search("blue", k=len(names))} == set(names)


def test_status_lists_every_failure_whatever_its_name(
    hostile: tuple[Path, list[Expectation], Path], library_copy: Path, recall_program: Program
) -> None:
    _, expected, _ = hostile
    bad = {str(one.path): str(one.failure) for one in expected if one.walked and one.failure}
    said = recall_program("status", "--failed", "--json")
    assert said.returncode == 0
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert {line["path"]: line["kind"] for line in lines} == bad
    table = recall_program("status", "--failed")
    assert len(table.stdout.splitlines()) == 1 + len(bad)
    assert all(Path(path).name in table.stdout for path in bad)


def test_names_that_are_no_text_survive_every_form_of_output(
    hostile: tuple[Path, list[Expectation], Path], library_copy: Path, recall_program: Program
) -> None:
    folder, expected, _ = hostile
    good = {os.fsencode(one.path) for one in expected if one.walked and one.failure is None}
    assert os.fsencode(folder) + b"/two\nlines.jpg" in good
    assert any(b"\xff\xfe" in path for path in good)

    def ask(*form: str) -> bytes:
        # `similar` to a known photo needs no encoder
        command: list[str | Path] = [recall_program.path, "similar", folder / "good red.png", "-k", "1000", *form]
        done = subprocess.run(command, env=dict(recall_program.env), capture_output=True, check=True)
        assert done.stderr == b""
        return done.stdout

    others = good - {os.fsencode(folder / "good red.png")}
    assert set(ask("-0").removesuffix(b"\0").split(b"\0")) == others
    assert {os.fsencode(json.loads(line)["path"]) for line in ask("--json").splitlines()} == others
    assert b"\n".join(sorted(others)) == b"\n".join(sorted(ask("--paths", "-0").removesuffix(b"\0").split(b"\0")))
    plain = ask("--paths")
    assert all(path + b"\n" in plain for path in others)
    assert len(plain) == sum(len(path) + 1 for path in others)
    table = ask().decode()  # for people: valid text, one line each, nothing that moves the cursor
    assert len(table.splitlines()) == 1 + len(others)
    assert "\x07" not in table
    assert "two\\nlines.jpg" in table
    assert "not utf-8 \\xff\\xfe.jpg" in table
    assert "smile \U0001f600.jpg" in table


def test_the_program_indexes_the_hostile_folder_and_names_what_failed(
    hostile: tuple[Path, list[Expectation], Path], library_copy: Path, recall_program: Program
) -> None:
    folder, expected, _ = hostile
    done = recall_program("index", folder)
    bad = sum(one.walked and one.failure is not None for one in expected)
    assert done.returncode == 3
    assert f", {bad} failed in " in done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 11  # ten by name and a line on the rest
    assert all(line.startswith("failed: ") for line in lines[:10])
    assert lines[10] == f"and {bad - 10} more: recall status --failed"
