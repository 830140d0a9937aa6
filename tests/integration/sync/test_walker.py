"""The walk: which files of a folder are met, once each, and in which order."""

from __future__ import annotations

import os
import subprocess
import tracemalloc
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import SourceError
from indexer.sync import walker as walking
from indexer.sync.scan_rules import Rules, resolve_path
from indexer.sync.walk_entries import Listing, SourceFile, UnreadableFile, UnreadableFolder
from indexer.types import stored_mtime
from tests.support.walks import walk


def make(root: Path, *names: str) -> None:
    """Write files that have a photo's name; the walk does not look inside."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode(errors="surrogateescape"))


def met(root: Path, rules: Rules | None = None, *, base: Path | None = None) -> list[str]:
    """Return the paths below the root that a walk meets."""
    found = walk(str(root), rules or Rules(), base=str(base) if base else None)
    return [os.path.relpath(file.path, root) for file in found]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def test_photos_are_found_by_their_names_in_any_case(root: Path) -> None:
    make(root, "a.jpg", "B.JPEG", "c.HeiC", "d.png", "notes.doc", "film.mp4", "jpg", "sub/deep/e.webp")
    assert met(root) == ["B.JPEG", "a.jpg", "c.HeiC", "d.png", "sub/deep/e.webp"]


def test_texts_are_found_among_photos_and_tables_are_not(root: Path) -> None:
    make(root, "a.jpg", "a.txt", "B.MD", "c.markdown", "d.text", "e.csv", "f.jsonl", "txt", ".hidden.txt")
    assert met(root) == ["B.MD", "a.jpg", "a.txt", "c.markdown", "d.text"]


def test_size_and_time_are_the_files_own(root: Path) -> None:
    make(root, "a.jpg")
    os.utime(root / "a.jpg", ns=(1, 1_234_567_890_123_456_789))
    assert list(walk(str(root), Rules())) == [SourceFile(str(root / "a.jpg"), 5, 1_234_567_890_123_456_789)]


def test_whole_paths_come_in_byte_order(root: Path) -> None:
    # "-" 0x2d, "." 0x2e, "/" 0x2f, "0" 0x30: the folder "a" stands between "a.jpg" and "a0.jpg"
    make(root, "a/z.jpg", "a.jpg", "a-b.jpg", "a0.jpg", "a/b/c.jpg", "a/b.jpg", "a.d/x.jpg")
    assert met(root) == ["a-b.jpg", "a.d/x.jpg", "a.jpg", "a/b.jpg", "a/b/c.jpg", "a/z.jpg", "a0.jpg"]


def test_names_that_are_no_text_are_met_and_sort_by_their_bytes(root: Path) -> None:
    names = [os.fsdecode(name) for name in (b"\xc3\xa9.jpg", b"\xff.jpg", b"\xef\xbf\xbd.jpg", b"new\nline.jpg")]
    make(root, *names)
    assert [os.fsencode(name) for name in met(root)] == [
        b"new\nline.jpg",
        b"\xc3\xa9.jpg",
        b"\xef\xbf\xbd.jpg",
        b"\xff.jpg",
    ]


name = st.sampled_from(["a", "a-", "a.", "a b", "a0", "b", os.fsdecode(b"\xff"), "\ufffd", "ä"])


@settings(max_examples=40, deadline=None)  # each example writes a tree: the disk decides how long that takes
@given(trees=st.lists(st.lists(name, min_size=1, max_size=3), max_size=8))
def test_any_tree_is_walked_in_the_byte_order_of_its_paths(
    trees: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for parts in trees:
        make(root, os.path.join(*parts[:-1], f"{parts[-1]}.jpg") if len(parts) > 1 else f"{parts[0]}.jpg")
    paths = [file.path for file in walk(str(root), Rules())]
    written = [os.path.join(top, file) for top, _, files in os.walk(root) for file in files]
    assert paths == sorted(written, key=os.fsencode)


def test_hidden_names_are_left_out_unless_asked_for(root: Path) -> None:
    make(root, "a.jpg", ".hidden.jpg", ".thumbnails/b.jpg", "sub/.c.jpg")
    assert met(root) == ["a.jpg"]
    assert met(root, Rules(include_hidden=True)) == [".hidden.jpg", ".thumbnails/b.jpg", "a.jpg", "sub/.c.jpg"]


@pytest.mark.parametrize("folder", ["@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"])
def test_folders_that_devices_fill_are_left_out(root: Path, folder: str) -> None:
    make(root, "a.jpg", f"{folder}/b.jpg", f"sub/{folder}/c/d.jpg")
    assert met(root) == ["a.jpg"]


def test_libraries_are_left_out(root: Path) -> None:
    make(root, "a.jpg", "photos.recall/b.jpg", "recall/c.jpg")
    assert met(root) == ["a.jpg", "recall/c.jpg"]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("*.png", ["2019/a.jpg", "2019/sub/b.jpg", "2020/a.jpg"]),  # names, at any depth
        ("2019", ["2020/a.jpg", "2020/c.png"]),  # a folder, with all that is in it
        ("2019/*", ["2020/a.jpg", "2020/c.png"]),  # a path below the root
        ("2019/a.*", ["2019/sub/b.jpg", "2020/a.jpg", "2020/c.png"]),
        ("a.jpg", ["2019/sub/b.jpg", "2020/c.png"]),
        ("20[!2]9", ["2020/a.jpg", "2020/c.png"]),
        ("202?", ["2019/a.jpg", "2019/sub/b.jpg"]),
    ],
)
def test_patterns_fit_names_and_paths_below_the_root(root: Path, pattern: str, left: list[str]) -> None:
    make(root, "2019/a.jpg", "2019/sub/b.jpg", "2020/a.jpg", "2020/c.png")
    assert met(root, Rules(exclude=(pattern,))) == left


def test_patterns_begin_at_the_source_also_when_a_part_of_it_is_walked(root: Path) -> None:
    make(root, "2019/sub/b.jpg", "2019/c.jpg")
    rules = Rules(exclude=("2019/sub/*",))
    assert met(root / "2019", rules) == ["c.jpg", "sub/b.jpg"]
    assert met(root / "2019", rules, base=root) == ["c.jpg"]


def test_other_sources_are_passed_over(root: Path) -> None:
    make(root, "a.jpg", "b/c.jpg", "b/d/e.jpg", "f.jpg")
    others = {str(root / "b" / "d"), str(root / "f.jpg")}
    assert [file.path for file in walk(str(root), Rules(), others=others)] == [
        str(root / "a.jpg"),
        str(root / "b/c.jpg"),
    ]


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("2020/a.jpg", False),
        ("2019/sub/a.jpg", True),  # the folder is left out, and so is what is in it
        ("2020/.git/a.jpg", True),
        ("2020/@eaDir/a.jpg", True),
        ("x.recall/a.jpg", True),
        ("2020/a.png", True),
    ],
)
def test_rules_tell_whether_a_walk_would_come_to_a_path(path: str, left_out: bool) -> None:
    assert Rules(exclude=("*.png", "2019")).excludes_path(path) == left_out


def test_a_link_to_what_the_walk_leaves_out_brings_it_in(root: Path) -> None:
    make(root, ".hidden/a.jpg", "shown/b.jpg")
    (root / "link").symlink_to(root / ".hidden")
    assert met(root) == ["link/a.jpg", "shown/b.jpg"]


def test_the_root_itself_is_never_left_out(tmp_path: Path) -> None:
    make(tmp_path, ".hidden/a.jpg")
    assert met(tmp_path / ".hidden", Rules(exclude=(".hidden", "*.recall"))) == ["a.jpg"]


def test_links_to_inside_the_root_are_passed_over(root: Path) -> None:
    make(root, "a.jpg", "sub/b.jpg")
    (root / "link.jpg").symlink_to(root / "a.jpg")
    (root / "link").symlink_to(root / "sub")
    (root / "sub" / "up").symlink_to(root)
    assert met(root) == ["a.jpg", "sub/b.jpg"]


def test_links_to_outside_are_followed_and_sort_by_their_own_names(root: Path, tmp_path: Path) -> None:
    make(tmp_path, "outside/b.jpg", "outside/deep/c.jpg", "single.jpg")
    make(root, "a.jpg", "z.jpg")
    (root / "m").symlink_to(tmp_path / "outside")
    (root / "n.jpg").symlink_to(tmp_path / "single.jpg")
    assert met(root) == ["a.jpg", "m/b.jpg", "m/deep/c.jpg", "n.jpg", "z.jpg"]


def test_of_several_links_to_one_place_the_first_counts(root: Path, tmp_path: Path) -> None:
    make(tmp_path, "outside/b.jpg")
    (root / "1").symlink_to(tmp_path / "outside")
    (root / "2").symlink_to(tmp_path / "outside")
    (root / "3.jpg").symlink_to(tmp_path / "outside" / "b.jpg")
    assert met(root) == ["1/b.jpg"]


def test_a_circle_outside_the_root_is_walked_once(root: Path, tmp_path: Path) -> None:
    make(tmp_path, "outside/b.jpg", "other/c.jpg")
    (tmp_path / "outside" / "other").symlink_to(tmp_path / "other")
    (tmp_path / "other" / "back").symlink_to(tmp_path / "outside")
    (tmp_path / "other" / "home").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "outside")
    assert met(root) == ["out/b.jpg", "out/other/c.jpg"]


def test_a_folder_above_the_root_that_a_link_leads_to_does_not_bring_the_root_twice(root: Path, tmp_path: Path) -> None:
    make(tmp_path, "beside.jpg")
    make(root, "a.jpg")
    (root / "up").symlink_to(tmp_path)
    assert met(root) == ["a.jpg", "up/beside.jpg"]


def test_links_to_nothing_and_in_a_circle_are_reported_as_files_that_cannot_be_read(root: Path) -> None:
    (root / "broken.jpg").symlink_to("nowhere.jpg")
    (root / "one.jpg").symlink_to("two.jpg")
    (root / "two.jpg").symlink_to("one.jpg")
    assert met(root) == ["broken.jpg", "one.jpg", "two.jpg"]


def test_a_link_to_nothing_may_have_been_a_folder_so_what_is_known_from_it_is_kept(root: Path) -> None:
    make(root, "a-b.jpg", "a0.jpg")
    (root / "a").symlink_to("/disk/that/is/away")
    first, folder, last = walk(str(root), Rules())
    assert folder == UnreadableFolder(str(root / "a"), "a link whose target does not exist")
    # it stands where a folder would: "a/" sorts behind "a-b.jpg" and before "a0.jpg"
    assert (first.path, last.path) == (str(root / "a-b.jpg"), str(root / "a0.jpg"))


def test_a_folder_with_a_photos_name_is_a_folder(root: Path) -> None:
    make(root, "album.jpg/a.jpg")
    assert met(root) == ["album.jpg/a.jpg"]


@pytest.mark.skipif(os.geteuid() == 0, reason="to root, nothing is forbidden")
def test_a_locked_folder_is_reported_and_the_rest_is_walked(root: Path) -> None:
    make(root, "a.jpg", "b/c.jpg", "d.jpg")
    (root / "b").chmod(0)
    try:
        found = list(walk(str(root), Rules()))
    finally:
        (root / "b").chmod(0o700)
    assert found[1] == UnreadableFolder(str(root / "b"), "Permission denied")
    assert [os.path.basename(file.path) for file in found] == ["a.jpg", "b", "d.jpg"]


def test_a_folder_that_cannot_be_listed_is_reported_in_its_place(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(root, "a.jpg", "b/c.jpg", "d.jpg")
    listing = os.scandir

    def refusing(path: str) -> object:
        if path == str(root / "b"):
            raise PermissionError(13, "Permission denied", path)
        return listing(path)

    monkeypatch.setattr(os, "scandir", refusing)
    first, folder, last = walk(str(root), Rules())
    assert folder == UnreadableFolder(str(root / "b"), "Permission denied")
    assert (first.path, last.path) == (str(root / "a.jpg"), str(root / "d.jpg"))


def refuse(monkeypatch: pytest.MonkeyPatch, *refused: Path | str, error: OSError) -> None:
    """Have some files and folders not be looked at; to root nothing is forbidden."""
    paths = {os.fsencode(path) for path in refused}

    def looking(real: Any, path: str | bytes, **options: bool) -> os.stat_result:
        if os.fsencode(path) in paths:
            raise error
        found: os.stat_result = real(path, **options)
        return found

    for name in ("stat", "lstat"):
        monkeypatch.setattr(os, name, partial(looking, getattr(os, name)))


def test_a_file_that_cannot_be_looked_at_is_reported_and_the_others_are_met(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(root, "a.jpg", "b/c.jpg", "b/d.jpg", "b/d.jpg2.jpg", "b/e/f.jpg", "g.jpg")
    refuse(monkeypatch, root / "a.jpg", root / "b" / "d.jpg", error=OSError(5, "Input/output error"))
    found = list(walk(str(root), Rules()))
    assert [os.path.relpath(each.path, root) for each in found] == [
        "a.jpg", "b/c.jpg", "b/d.jpg", "b/d.jpg2.jpg", "b/e/f.jpg", "g.jpg"
    ]  # fmt: skip
    assert [each for each in found if not isinstance(each, SourceFile)] == [
        UnreadableFile(str(root / "a.jpg"), "Input/output error"),
        UnreadableFile(str(root / "b" / "d.jpg"), "Input/output error"),
    ]


def inside(folder: Path) -> list[Path | str]:
    """Return all that lies in a folder, and what a look into it asks for."""
    return [*folder.iterdir(), f"{folder}/."]


def test_a_folder_that_may_be_listed_and_not_looked_into_is_reported_and_not_taken_for_empty(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(root, "a.jpg", "b/c.jpg", "b/d.jpg", "b/e/f.jpg", "g.jpg")  # as chmod -R 644 leaves it
    refuse(monkeypatch, *inside(root / "b"), error=PermissionError(13, "Permission denied"))
    first, folder, last = walk(str(root), Rules())
    assert (first.path, last.path) == (str(root / "a.jpg"), str(root / "g.jpg"))
    assert folder == UnreadableFolder(str(root / "b"), "Permission denied")


def test_a_root_that_may_be_listed_and_not_looked_into_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(root, "a.jpg", "b/c.jpg")
    refuse(monkeypatch, *inside(root), error=PermissionError(13, "Permission denied"))
    with pytest.raises(SourceError, match=r"root cannot be read \(Permission denied\); check its permissions"):
        walk(str(root), Rules())


def test_a_folder_behind_a_link_that_cannot_be_looked_at_is_reported(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(root, "a.jpg")
    make(tmp_path / "disk", "2019/b.jpg", "2020/c.jpg")
    (root / "disk").symlink_to(tmp_path / "disk")
    refuse(monkeypatch, root / "disk" / "2019", error=OSError(5, "Input/output error"))
    found = list(walk(str(root), Rules()))
    assert [os.path.relpath(each.path, root) for each in found] == ["a.jpg", "disk/2019", "disk/2020/c.jpg"]
    assert found[1] == UnreadableFolder(str(root / "disk" / "2019"), "Input/output error")


def test_a_file_that_vanished_is_passed_over_and_a_folder_that_did_is_reported(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(root, "a.jpg", "b/c.jpg", "b/d.jpg", "b/e.jpg", "g.jpg")
    listing, away = os.scandir, root.parent / "away"

    def vanishing(path: str) -> object:
        entries = listing(path)
        if path == str(root / "b"):
            (root / "b" / "d.jpg").unlink(missing_ok=True)
        return entries

    monkeypatch.setattr(os, "scandir", vanishing)
    assert met(root) == ["a.jpg", "b/c.jpg", "b/e.jpg", "g.jpg"]

    def unplugged(path: str) -> object:
        entries = list(listing(path))
        if path == str(root / "b"):
            (root / "b").rename(away)
            (root / "b").mkdir()  # where a disk was mounted an empty folder is left
        return nullcontext(entries)

    monkeypatch.setattr(os, "scandir", unplugged)
    found = list(walk(str(root), Rules()))
    assert [os.path.relpath(each.path, root) for each in found] == ["a.jpg", "b", "g.jpg"]
    assert found[1] == UnreadableFolder(str(root / "b"), "it was removed while it was read")


def test_a_link_that_cannot_be_followed_is_reported_by_itself(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(root, "a.jpg", "b/c.jpg")
    (root / "b" / "long").symlink_to("x" * 300)
    (root / "b" / "shut").symlink_to("beyond")
    refused = root / "b" / "shut"
    looking = os.stat

    def refusing(path: str, *, follow_symlinks: bool = True) -> os.stat_result:
        if path == str(refused):
            raise PermissionError(13, "Permission denied", path)  # what is beyond may not be looked at
        return looking(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "stat", refusing)
    assert walk(str(root), Rules())[2:] == [
        UnreadableFolder(str(root / "b" / "long"), "a link that cannot be followed (File name too long)"),
        UnreadableFolder(str(root / "b" / "shut"), "a link that cannot be followed (Permission denied)"),
    ]


def test_a_root_that_became_a_link_is_walked_once(root: Path, tmp_path: Path) -> None:
    make(root, "a.jpg", "sub/b.jpg")
    (root / "again").symlink_to("sub")
    (root / "round").symlink_to(".")
    root.rename(tmp_path / "moved")
    root.symlink_to(tmp_path / "moved")
    assert met(root) == ["a.jpg", "sub/b.jpg"]


def test_folders_may_be_deeper_than_calls_can_be(root: Path) -> None:
    depth = 1200  # names of one letter: a path has 4,096 bytes at most
    here = os.getcwd()
    os.chdir(root)
    try:
        for _ in range(depth):
            os.mkdir("a")
            os.chdir("a")
        Path("x.jpg").write_bytes(b"x")
    finally:
        os.chdir(here)
    found = met(root)
    subprocess.run(["rm", "-rf", root / "a"], check=True)  # Python's own would call itself as often
    assert found == ["a/" * depth + "x.jpg"]


def test_a_folder_of_many_files_takes_little_memory(root: Path) -> None:
    for number in range(20_000):
        os.close(os.open(root / f"photo-{number:06}.jpg", os.O_CREAT))
    tracemalloc.start()
    try:
        assert sum(len(each.files) for each in walking.walk(str(root), Rules()) if isinstance(each, Listing)) == 20_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000 * 100  # bytes for each file: a name of 16 takes 49, and its place in lists


@pytest.mark.parametrize(("seconds", "kept"), [(10**10, 2**63 - 1), (-(10**10), -(2**63)), (5, 5 * 10**9)])
def test_times_that_no_catalog_can_keep_are_the_nearest_that_it_can(root: Path, seconds: int, kept: int) -> None:
    make(root, "a.jpg")
    facts = os.stat(root / "a.jpg")

    class Odd:
        st_mtime_ns = seconds * 10**9

    assert facts.st_mtime_ns == stored_mtime(facts)
    assert stored_mtime(cast("os.stat_result", Odd())) == kept


def test_a_root_that_cannot_be_listed_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(path: str) -> object:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(SourceError, match=r"root cannot be read \(Permission denied\); check its permissions"):
        list(walk(str(root), Rules()))


def test_a_root_that_vanished_is_an_error(root: Path) -> None:
    with pytest.raises(SourceError, match=r"gone cannot be read \(No such file or directory\)"):
        list(walk(str(root / "gone"), Rules()))


def test_a_file_can_be_the_root_whatever_it_is_called(root: Path) -> None:
    make(root, ".scan")
    assert list(walk(str(root / ".scan"), Rules(exclude=("*",)))) == [
        SourceFile(str(root / ".scan"), 5, (root / ".scan").stat().st_mtime_ns)
    ]


def test_resolve_gives_one_name_to_a_place(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("root", "./root/", "root/../root", "link", tmp_path / "link", "~/root"):
        assert resolve_path(name) == os.path.realpath(root)


@pytest.mark.parametrize("name", ["gone", "gone/deeper", "nul\0byte", "x" * 5000])
def test_resolve_refuses_what_is_not_there(root: Path, name: str) -> None:
    with pytest.raises(SourceError, match=r"cannot be found .*; name a folder or a picture"):
        resolve_path(root / name)
