"""What a walk excludes, and canonical paths."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer.errors import SourceError
from indexer.sync.scan_rules import Rules, resolve_path
from tests.support.walks import make_files, walk, walked_paths


def test_hidden_names_are_excluded_by_default(root: Path) -> None:
    make_files(root, "a.jpg", ".hidden.jpg", ".thumbnails/b.jpg", "sub/.c.jpg")
    assert walked_paths(root) == ["a.jpg"]
    assert walked_paths(root, Rules(include_hidden=True)) == [".hidden.jpg", ".thumbnails/b.jpg", "a.jpg", "sub/.c.jpg"]


@pytest.mark.parametrize(
    "folder",
    [
        "@eaDir",
        "#recycle",
        "$RECYCLE.BIN",
        "System Volume Information",
        "lost+found",
        "@Recycle",
        "@Recently-Snapshot",
        "~snapshot",
        "found.000",
        "FOUND.012",
        "@GMT-2026.01.31-04.00.00",
        "Catalog Previews.lrdata",
        "node_modules",
    ],
)
def test_system_folders_are_excluded(root: Path, folder: str) -> None:
    make_files(root, "a.jpg", f"{folder}/b.jpg", f"sub/{folder}/c/d.jpg")
    assert walked_paths(root) == ["a.jpg"]


@pytest.mark.parametrize(
    ("package", "originals", "copies"),
    [
        ("Photos Library.photoslibrary", "originals", ["resources/derivatives/masters", "database", "private"]),
        ("Old.aplibrary", "Masters", ["Thumbnails", "Previews"]),
        ("Holiday.photolibrary", "Masters", ["Previews", "Thumbnails"]),
        ("CaptureOne", "Settings", ["Cache"]),
    ],
)
def test_of_a_photo_programs_own_folder_the_originals_are_indexed(
    root: Path, package: str, originals: str, copies: list[str]
) -> None:
    make_files(root, f"{package}/{originals}/a.jpg", *(f"{package}/{folder}/b.jpg" for folder in copies))
    assert walked_paths(root) == [f"{package}/{originals}/a.jpg"]
    assert walked_paths(root / package) == [f"{originals}/a.jpg"]
    assert Rules().excludes_path(str(root / package / copies[0] / "b.jpg"), str(root / package))


def test_folders_with_an_ordinary_name_are_indexed_outside_of_such_programs(root: Path) -> None:
    make_files(root, "Previews/a.jpg", "resources/b.jpg", "cache/c.jpg", "found.jpg")
    assert walked_paths(root) == ["Previews/a.jpg", "cache/c.jpg", "found.jpg", "resources/b.jpg"]


def test_libraries_are_excluded(root: Path) -> None:
    make_files(root, "a.jpg", "photos.recall/b.jpg", "recall/c.jpg")
    assert walked_paths(root) == ["a.jpg", "recall/c.jpg"]


@pytest.mark.parametrize(
    ("pattern", "remaining"),
    [
        ("*.png", ["2019/a.jpg", "2019/sub/b.jpg", "2020/a.jpg"]),  # names, at any depth
        ("2019", ["2020/a.jpg", "2020/c.png"]),  # a folder and everything in it
        ("2019/*", ["2020/a.jpg", "2020/c.png"]),  # a path relative to the root
        ("2019/a.*", ["2019/sub/b.jpg", "2020/a.jpg", "2020/c.png"]),
        ("a.jpg", ["2019/sub/b.jpg", "2020/c.png"]),
        ("20[!2]9", ["2020/a.jpg", "2020/c.png"]),
        ("202?", ["2019/a.jpg", "2019/sub/b.jpg"]),
    ],
)
def test_patterns_match_names_and_paths_relative_to_the_root(root: Path, pattern: str, remaining: list[str]) -> None:
    make_files(root, "2019/a.jpg", "2019/sub/b.jpg", "2020/a.jpg", "2020/c.png")
    assert walked_paths(root, Rules(exclude=(pattern,))) == remaining


def test_patterns_are_relative_to_the_source_also_when_a_part_of_it_is_walked(root: Path) -> None:
    make_files(root, "2019/sub/b.jpg", "2019/c.jpg")
    rules = Rules(exclude=("2019/sub/*",))
    assert walked_paths(root / "2019", rules) == ["c.jpg", "sub/b.jpg"]
    assert walked_paths(root / "2019", rules, base=root) == ["c.jpg"]


def test_other_sources_are_skipped(root: Path) -> None:
    make_files(root, "a.jpg", "b/c.jpg", "b/d/e.jpg", "f.jpg")
    others = {str(root / "b" / "d"), str(root / "f.jpg")}
    assert [file.path for file in walk(str(root), Rules(), others=others)] == [
        str(root / "a.jpg"),
        str(root / "b/c.jpg"),
    ]


@pytest.mark.parametrize(
    ("path", "is_excluded"),
    [
        ("2020/a.jpg", False),
        ("2019/sub/a.jpg", True),  # in an excluded folder
        ("2020/.git/a.jpg", True),
        ("2020/@eaDir/a.jpg", True),
        ("x.recall/a.jpg", True),
        ("2020/a.png", True),
    ],
)
def test_rules_tell_whether_a_walk_reaches_a_path(path: str, is_excluded: bool) -> None:
    assert Rules(exclude=("*.png", "2019")).excludes_path(f"/photos/{path}", "/photos") == is_excluded


def test_the_root_itself_is_never_excluded(tmp_path: Path) -> None:
    make_files(tmp_path, ".hidden/a.jpg")
    assert walked_paths(tmp_path / ".hidden", Rules(exclude=(".hidden", "*.recall"))) == ["a.jpg"]


def test_resolve_path_returns_one_canonical_path(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("root", "./root/", "root/../root", "link", tmp_path / "link", "~/root"):
        assert resolve_path(name) == os.path.realpath(root)


@pytest.mark.parametrize("name", ["missing", "missing/deeper", "nul\0byte", "x" * 5000])
def test_resolve_path_raises_an_error_for_a_missing_file(root: Path, name: str) -> None:
    with pytest.raises(SourceError, match=r"cannot be found .*; name a folder or a picture"):
        resolve_path(root / name)
