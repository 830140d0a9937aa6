"""Folders and files that cannot be read are reported, and the rest is walked."""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import SourceError
from indexer.sync.scan_rules import Rules
from indexer.sync.walk_entries import SourceFile, UnreadableFile, UnreadableFolder
from tests.support.walks import make_files, walk, walked_paths


@pytest.mark.skipif(os.geteuid() == 0, reason="root can access everything")
def test_a_folder_without_permission_is_reported_and_the_rest_is_walked(root: Path) -> None:
    make_files(root, "a.jpg", "b/c.jpg", "d.jpg")
    (root / "b").chmod(0)
    try:
        entries = list(walk(str(root), Rules()))
    finally:
        (root / "b").chmod(0o700)
    assert entries[1] == UnreadableFolder(str(root / "b"), "Permission denied")
    assert [os.path.basename(file.path) for file in entries] == ["a.jpg", "b", "d.jpg"]


def test_a_folder_that_cannot_be_listed_is_reported_in_order(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_files(root, "a.jpg", "b/c.jpg", "d.jpg")
    scandir = os.scandir

    def failing(path: bytes) -> object:
        if os.fsdecode(path) == str(root / "b"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    first, folder, last = walk(str(root), Rules())
    assert folder == UnreadableFolder(str(root / "b"), "Permission denied")
    assert (first.path, last.path) == (str(root / "a.jpg"), str(root / "d.jpg"))


def fail_access(monkeypatch: pytest.MonkeyPatch, *paths: Path | str, error: OSError) -> None:
    """Make access to some files and folders fail, also for root."""
    failing = {os.fsencode(path) for path in paths}

    def patched_stat(real: Any, path: str | bytes, **options: bool) -> os.stat_result:
        if os.fsencode(path) in failing:
            raise error
        info: os.stat_result = real(path, **options)
        return info

    for name in ("stat", "lstat"):
        monkeypatch.setattr(os, name, partial(patched_stat, getattr(os, name)))


def test_a_file_that_cannot_be_accessed_is_reported_and_the_others_are_found(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_files(root, "a.jpg", "b/c.jpg", "b/d.jpg", "b/d.jpg2.jpg", "b/e/f.jpg", "g.jpg")
    fail_access(monkeypatch, root / "a.jpg", root / "b" / "d.jpg", error=OSError(5, "Input/output error"))
    entries = list(walk(str(root), Rules()))
    assert [os.path.relpath(entry.path, root) for entry in entries] == [
        "a.jpg", "b/c.jpg", "b/d.jpg", "b/d.jpg2.jpg", "b/e/f.jpg", "g.jpg"
    ]  # fmt: skip
    assert [entry for entry in entries if not isinstance(entry, SourceFile)] == [
        UnreadableFile(str(root / "a.jpg"), "Input/output error"),
        UnreadableFile(str(root / "b" / "d.jpg"), "Input/output error"),
    ]


def entries_of(folder: Path) -> list[Path | str]:
    """Return the entries of a folder, and the path by which the walk tests access to it."""
    return [*folder.iterdir(), f"{folder}/."]


def test_a_folder_that_can_be_listed_but_not_accessed_is_reported_and_not_empty(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_files(root, "a.jpg", "b/c.jpg", "b/d.jpg", "b/e/f.jpg", "g.jpg")  # as after chmod -R 644
    fail_access(monkeypatch, *entries_of(root / "b"), error=PermissionError(13, "Permission denied"))
    first, folder, last = walk(str(root), Rules())
    assert (first.path, last.path) == (str(root / "a.jpg"), str(root / "g.jpg"))
    assert folder == UnreadableFolder(str(root / "b"), "Permission denied")


def test_a_root_that_can_be_listed_but_not_accessed_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_files(root, "a.jpg", "b/c.jpg")
    fail_access(monkeypatch, *entries_of(root), error=PermissionError(13, "Permission denied"))
    with pytest.raises(SourceError, match=r"root cannot be read \(Permission denied\); check its permissions"):
        walk(str(root), Rules())


def test_a_folder_behind_a_link_that_cannot_be_accessed_is_reported(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_files(root, "a.jpg")
    make_files(tmp_path / "disk", "2019/b.jpg", "2020/c.jpg")
    (root / "disk").symlink_to(tmp_path / "disk")
    fail_access(monkeypatch, root / "disk" / "2019", error=OSError(5, "Input/output error"))
    entries = list(walk(str(root), Rules()))
    assert [os.path.relpath(entry.path, root) for entry in entries] == ["a.jpg", "disk/2019", "disk/2020/c.jpg"]
    assert entries[1] == UnreadableFolder(str(root / "disk" / "2019"), "Input/output error")


def test_a_file_deleted_during_the_walk_is_skipped_and_a_deleted_folder_is_reported(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_files(root, "a.jpg", "b/c.jpg", "b/d.jpg", "b/e.jpg", "g.jpg")
    scandir, moved = os.scandir, root.parent / "moved"

    def delete_file(path: bytes) -> object:
        entries = scandir(path)
        if os.fsdecode(path) == str(root / "b"):
            (root / "b" / "d.jpg").unlink(missing_ok=True)
        return entries

    monkeypatch.setattr(os, "scandir", delete_file)
    assert walked_paths(root) == ["a.jpg", "b/c.jpg", "b/e.jpg", "g.jpg"]

    def unmount(path: bytes) -> object:
        entries = list(scandir(path))
        if os.fsdecode(path) == str(root / "b"):
            (root / "b").rename(moved)
            (root / "b").mkdir()  # unmounting leaves an empty folder
        return nullcontext(entries)

    monkeypatch.setattr(os, "scandir", unmount)
    entries = list(walk(str(root), Rules()))
    assert [os.path.relpath(entry.path, root) for entry in entries] == ["a.jpg", "b", "g.jpg"]
    assert entries[1] == UnreadableFolder(str(root / "b"), "it was removed while it was read")


def test_a_root_that_cannot_be_listed_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(path: bytes) -> object:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", failing)
    with pytest.raises(SourceError, match=r"root cannot be read \(Permission denied\); check its permissions"):
        list(walk(str(root), Rules()))
