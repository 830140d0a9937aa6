"""Disks that are mounted in a source: what is known of them stays while they are away or another disk is there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval import Library
from tests.support.color_photos import paint
from tests.support.encoders import FakeEncoder
from tests.support.sync_results import counts, found_names

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a tmpfs")

UNMOUNTED = "its disk is not mounted"


class Disk:
    """A tmpfs. Unmounting it deletes its files, so they are copied to a folder and back."""

    def __init__(self, mount_point: Path, store: Path) -> None:
        self.mount_point = mount_point
        self.store = store

    def mount(self) -> bool:
        """Mount the disk with its files, and return whether that is allowed."""
        self.mount_point.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(self.mount_point)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            return False
        if self.store.exists():
            shutil.copytree(self.store, self.mount_point, dirs_exist_ok=True)
            shutil.rmtree(self.store)
        return True

    def unmount(self) -> None:
        """Unmount the disk and keep its files."""
        if self.mount_point.is_mount():
            shutil.copytree(self.mount_point, self.store)
            subprocess.run(["umount", "-l", self.mount_point], check=True)


@pytest.fixture
def disk(folder: Path, tmp_path: Path) -> Iterator[Disk]:
    """Return a mounted disk in the folder, with two photos."""
    disk = Disk(folder / "NAS", tmp_path / "files of the disk")
    if not disk.mount():
        pytest.skip("mounting a disk needs root")
    paint(folder / "NAS" / "a.png", "lime")
    paint(folder / "NAS" / "x" / "b.png", "blue")
    paint(folder / "here.png", "red")
    yield disk
    disk.unmount()


def missing(library: Library) -> list[tuple[str, int, str]]:
    """Return the missing folders that a sync reports."""
    return [(Path(path).name, items, reason) for path, items, reason in library.sync().missing_folders]


def test_the_photos_of_an_unmounted_disk_stay_and_are_not_encoded_again(
    library: Library, folder: Path, disk: Disk, encoder: FakeEncoder
) -> None:
    library.sync(folder)
    disk.unmount()
    for _ in range(2):
        assert missing(library) == [("NAS", 2, UNMOUNTED)]
    disk.mount()
    report = library.sync()
    assert counts(report) == {"unchanged": 3}
    assert report.missing_folders == []
    assert sum(encoder.pictures) == 3


def test_photos_in_the_folder_of_an_unmounted_disk_do_not_replace_it(
    library: Library, folder: Path, disk: Disk
) -> None:
    library.sync(folder)
    disk.unmount()
    local = paint(folder / "NAS" / "local.png", "cyan")
    for _ in range(2):  # in the second run, the library knows the local photo
        assert missing(library) == [("NAS", 2, UNMOUNTED)]
    assert found_names(library) == ["a.png", "b.png", "here.png", "local.png"]
    local.unlink()
    disk.mount()
    assert counts(library.sync()) == {"removed": 1, "unchanged": 3}


def test_a_mount_point_that_was_removed_with_its_disk_is_missing(library: Library, folder: Path, disk: Disk) -> None:
    library.sync(folder)
    disk.unmount()
    disk.mount_point.rmdir()
    assert missing(library) == [("NAS", 2, UNMOUNTED)]
    assert library.forget(folder / "NAS") == 2
    assert missing(library) == []


def test_photos_deleted_from_a_mounted_disk_leave_the_library(library: Library, folder: Path, disk: Disk) -> None:
    library.sync(folder)
    (folder / "NAS" / "a.png").unlink()
    assert counts(library.sync()) == {"removed": 1, "unchanged": 2}


def test_a_disk_behind_a_link_is_missing_when_it_is_unmounted(
    library: Library, folder: Path, disk: Disk, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    paint(photos / "c.png", "yellow")
    (photos / "link").symlink_to(disk.mount_point / "x")
    library.sync(photos)
    disk.unmount()
    (disk.mount_point / "x").mkdir()
    paint(disk.mount_point / "x" / "local.png", "cyan")
    assert missing(library) == [("link", 1, UNMOUNTED)]
    assert "b.png" in found_names(library)
    shutil.rmtree(disk.mount_point / "x")


def test_the_photos_of_a_disk_stay_while_another_is_mounted_there(
    library: Library, folder: Path, disk: Disk, tmp_path: Path
) -> None:
    library.sync(folder)
    other = Disk(tmp_path / "spare", tmp_path / "files of the spare disk")
    disk.unmount()
    other.mount()  # takes the device number that is free now
    second = Disk(disk.mount_point, tmp_path / "files of the second disk")
    second.mount()
    paint(second.mount_point / "new.png", "cyan")
    try:
        for _ in range(2):  # in the second run, the library knows the photo of the other disk
            assert missing(library) == [("NAS", 2, "another disk is mounted there")]
        assert found_names(library) == ["a.png", "b.png", "here.png", "new.png"]
    finally:
        second.unmount()
        other.unmount()
    disk.mount()
    assert counts(library.sync()) == {"removed": 1, "unchanged": 3}


def test_a_disk_that_was_copied_to_its_folder_is_not_missing(library: Library, folder: Path, disk: Disk) -> None:
    library.sync(folder)
    disk.unmount()
    shutil.copytree(disk.store, disk.mount_point, dirs_exist_ok=True)
    assert counts(library.sync()) == {"unchanged": 3}
    (folder / "NAS" / "a.png").unlink()
    assert counts(library.sync()) == {"removed": 1, "unchanged": 2}
    shutil.rmtree(disk.mount_point / "x")
