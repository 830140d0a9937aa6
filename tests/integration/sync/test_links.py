"""Links: followed out of the root, each target visited once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer.sync.scan_rules import Rules
from indexer.sync.walk_entries import UnreadableFolder
from tests.support.walks import make_files, walk, walked_paths


def test_a_link_to_an_excluded_folder_is_followed(root: Path) -> None:
    make_files(root, ".hidden/a.jpg", "shown/b.jpg")
    (root / "link").symlink_to(root / ".hidden")
    assert walked_paths(root) == ["link/a.jpg", "shown/b.jpg"]


def test_links_to_inside_the_root_are_skipped(root: Path) -> None:
    make_files(root, "a.jpg", "sub/b.jpg")
    (root / "link.jpg").symlink_to(root / "a.jpg")
    (root / "link").symlink_to(root / "sub")
    (root / "sub" / "up").symlink_to(root)
    assert walked_paths(root) == ["a.jpg", "sub/b.jpg"]


def test_links_to_outside_are_followed_and_sorted_by_their_names(root: Path, tmp_path: Path) -> None:
    make_files(tmp_path, "outside/b.jpg", "outside/deep/c.jpg", "single.jpg")
    make_files(root, "a.jpg", "z.jpg")
    (root / "m").symlink_to(tmp_path / "outside")
    (root / "n.jpg").symlink_to(tmp_path / "single.jpg")
    assert walked_paths(root) == ["a.jpg", "m/b.jpg", "m/deep/c.jpg", "n.jpg", "z.jpg"]


def test_of_several_links_to_one_target_the_first_is_followed(root: Path, tmp_path: Path) -> None:
    make_files(tmp_path, "outside/b.jpg")
    (root / "1").symlink_to(tmp_path / "outside")
    (root / "2").symlink_to(tmp_path / "outside")
    (root / "3.jpg").symlink_to(tmp_path / "outside" / "b.jpg")
    assert walked_paths(root) == ["1/b.jpg"]


def test_a_circle_of_links_outside_the_root_is_walked_once(root: Path, tmp_path: Path) -> None:
    make_files(tmp_path, "outside/b.jpg", "other/c.jpg")
    (tmp_path / "outside" / "other").symlink_to(tmp_path / "other")
    (tmp_path / "other" / "back").symlink_to(tmp_path / "outside")
    (tmp_path / "other" / "home").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "outside")
    assert walked_paths(root) == ["out/b.jpg", "out/other/c.jpg"]


def test_a_link_to_a_parent_of_the_root_does_not_visit_the_root_twice(root: Path, tmp_path: Path) -> None:
    make_files(tmp_path, "sibling.jpg")
    make_files(root, "a.jpg")
    (root / "up").symlink_to(tmp_path)
    assert walked_paths(root) == ["a.jpg", "up/sibling.jpg"]


def test_broken_and_circular_links_with_a_photos_name_are_files(root: Path) -> None:
    (root / "broken.jpg").symlink_to("nowhere.jpg")
    (root / "one.jpg").symlink_to("two.jpg")
    (root / "two.jpg").symlink_to("one.jpg")
    assert walked_paths(root) == ["broken.jpg", "one.jpg", "two.jpg"]


def test_a_broken_link_without_a_photos_name_is_an_unreadable_folder(root: Path) -> None:
    make_files(root, "a-b.jpg", "a0.jpg")
    (root / "a").symlink_to("/disconnected/disk")
    first, folder, last = walk(str(root), Rules())
    assert folder == UnreadableFolder(str(root / "a"), "a link whose target does not exist")
    # in the order of a folder: "a/" sorts after "a-b.jpg" and before "a0.jpg"
    assert (first.path, last.path) == (str(root / "a-b.jpg"), str(root / "a0.jpg"))


def test_a_link_that_cannot_be_followed_is_reported(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_files(root, "a.jpg", "b/c.jpg")
    (root / "b" / "long").symlink_to("x" * 300)
    (root / "b" / "private").symlink_to("target")
    link = root / "b" / "private"
    real_stat = os.stat

    def failing(path: str, *, follow_symlinks: bool = True) -> os.stat_result:
        if path == str(link):
            raise PermissionError(13, "Permission denied", path)  # no access to the target
        return real_stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "stat", failing)
    assert walk(str(root), Rules())[2:] == [
        UnreadableFolder(str(root / "b" / "long"), "a link that cannot be followed (File name too long)"),
        UnreadableFolder(str(root / "b" / "private"), "a link that cannot be followed (Permission denied)"),
    ]


def test_a_root_that_is_a_link_is_walked_once(root: Path, tmp_path: Path) -> None:
    make_files(root, "a.jpg", "sub/b.jpg")
    (root / "again").symlink_to("sub")
    (root / "round").symlink_to(".")
    root.rename(tmp_path / "moved")
    root.symlink_to(tmp_path / "moved")
    assert walked_paths(root) == ["a.jpg", "sub/b.jpg"]
