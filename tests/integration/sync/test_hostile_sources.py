"""A sync of hostile files ends, indexes the readable ones and records why each of the others failed."""

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

RETRYABLE = {FailureKind.TOO_LARGE, FailureKind.UNREADABLE, FailureKind.UNSUPPORTED}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Expectation], Path]:
    """Return a hostile folder with three good photos, the expectations, and a library synced with it."""
    base = tmp_path_factory.mktemp("hostile")
    folder = base / "folder"
    expected = hostile_folder(folder)
    for color in ("red", "lime", "blue"):
        expected.append(Expectation(path=paint(folder / f"good {color}.png", color), failure=None))
    with Library.open(base / "test.recall", encoder=FakeEncoder()) as library:
        report = library.sync(folder)
        assert report.failed == len(report.failures)
        assert [failure.path for failure in report.failures] == [failure.path for failure in library.failures()]
    return folder, expected, base / "test.recall"


@pytest.fixture
def library_copy(hostile: tuple[Path, list[Expectation], Path], tmp_path: Path) -> Path:
    """Return a copy of the library of the hostile folder, where `recall_program` looks for it."""
    return Path(shutil.copytree(hostile[2], tmp_path / "test.recall"))


def test_every_bad_file_is_recorded_with_its_kind_and_every_good_file_is_found(
    hostile: tuple[Path, list[Expectation], Path],
) -> None:
    _, expected, path = hostile
    assert sum(entry.failure is not None for entry in expected) >= 30
    with Library.open(path, encoder=FakeEncoder()) as library:
        failures = {Path(failure.path): failure for failure in library.failures()}
        found = {hit.path for hit in library.search("red", k=1000)}
        assert library.search("red", k=1)[0].path.name == "good red.png"
    walked = [entry for entry in expected if entry.walked]
    assert {entry.path: failures[entry.path].kind for entry in walked if entry.path in failures} == {
        entry.path: entry.failure for entry in walked if entry.failure
    }
    assert found == {entry.path for entry in walked if entry.failure is None}
    assert all(failure.message and "\n" not in failure.message for failure in failures.values())


def test_a_second_run_decodes_only_files_that_a_setting_or_permission_can_fix(
    hostile: tuple[Path, list[Expectation], Path], library_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, expected, _ = hostile
    decoded: list[str] = []
    from indexer.images.workers import DecodePool

    real_imap = DecodePool.imap

    def imap(self: DecodePool, items: object, **options: object) -> object:
        for item, photo in real_imap(self, items, **options):  # type: ignore[arg-type, var-annotated]
            decoded.append(item.file.path)
            yield item, photo

    monkeypatch.setattr(DecodePool, "imap", imap)
    encoder = FakeEncoder()
    with Library.open(library_copy, encoder=encoder) as library:
        report = library.sync(folder)
    assert sorted(decoded) == sorted(
        str(entry.path) for entry in expected if entry.walked and entry.failure in RETRYABLE
    )
    assert encoder.pictures == []
    assert (report.added, report.changed, report.removed) == (0, 0, 0)
    assert report.failed == sum(entry.walked and entry.failure is not None for entry in expected)


def test_a_bad_file_replaced_by_a_good_one_is_indexed_in_the_next_run(
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
    bad = {str(entry.path): str(entry.failure) for entry in expected if entry.walked and entry.failure}
    status = recall_program("status", "--failed", "--json")
    assert status.returncode == 0
    lines = [json.loads(line) for line in status.stdout.splitlines()]
    assert {line["path"]: line["kind"] for line in lines} == bad
    table = recall_program("status", "--failed")
    assert len(table.stdout.splitlines()) == 1 + len(bad)
    assert all(Path(path).name in table.stdout for path in bad)


def test_names_that_are_not_utf_8_are_correct_in_every_output_format(
    hostile: tuple[Path, list[Expectation], Path], library_copy: Path, recall_program: Program
) -> None:
    folder, expected, _ = hostile
    good = {os.fsencode(entry.path) for entry in expected if entry.walked and entry.failure is None}
    assert os.fsencode(folder) + b"/two\nlines.jpg" in good
    assert any(b"\xff\xfe" in path for path in good)

    def output(*options: str) -> bytes:
        # `similar` to an indexed photo needs no encoder
        command: list[str | Path] = [recall_program.path, "similar", folder / "good red.png", "-k", "1000", *options]
        done = subprocess.run(command, env=dict(recall_program.env), capture_output=True, check=True)
        assert done.stderr == b""
        return done.stdout

    others = good - {os.fsencode(folder / "good red.png")}
    assert set(output("-0").removesuffix(b"\0").split(b"\0")) == others
    assert {os.fsencode(json.loads(line)["path"]) for line in output("--json").splitlines()} == others
    assert b"\n".join(sorted(others)) == b"\n".join(sorted(output("--paths", "-0").removesuffix(b"\0").split(b"\0")))
    plain = output("--paths")
    assert all(path + b"\n" in plain for path in others)
    assert len(plain) == sum(len(path) + 1 for path in others)
    table = output().decode()  # valid UTF-8, one line per photo, no control characters
    assert len(table.splitlines()) == 1 + len(others)
    assert "\x07" not in table
    assert "two\\nlines.jpg" in table
    assert "not utf-8 \\xff\\xfe.jpg" in table
    assert "smile \U0001f600.jpg" in table


def test_the_program_indexes_the_hostile_folder_and_lists_failures(
    hostile: tuple[Path, list[Expectation], Path], library_copy: Path, recall_program: Program
) -> None:
    folder, expected, _ = hostile
    done = recall_program("index", folder)
    bad = sum(entry.walked and entry.failure is not None for entry in expected)
    assert done.returncode == 3
    assert f", {bad} failed in " in done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 11  # ten failures and a line about the rest
    assert all(line.startswith("failed: ") for line in lines[:10])
    assert lines[10] == f"and {bad - 10} more: recall status --failed"
