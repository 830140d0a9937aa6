"""The files that a walk finds, and their order."""

from __future__ import annotations

import os
import subprocess
import tracemalloc
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import SourceError
from indexer.sync import walker
from indexer.sync.scan_rules import Rules
from indexer.sync.walk_entries import Listing, SourceFile
from indexer.types import stored_mtime, stored_times
from tests.support.walks import make_files, walk, walked_paths


def test_photos_are_found_by_their_suffix_in_any_case(root: Path) -> None:
    make_files(root, "a.jpg", "B.JPEG", "c.HeiC", "d.png", "notes.doc", "film.mp4", "jpg", "sub/deep/e.webp")
    assert walked_paths(root) == ["B.JPEG", "a.jpg", "c.HeiC", "d.png", "sub/deep/e.webp"]


def test_text_files_are_found_among_photos_and_tables_are_not(root: Path) -> None:
    make_files(root, "a.jpg", "a.txt", "B.MD", "c.markdown", "d.text", "e.csv", "f.jsonl", "txt", ".hidden.txt")
    assert walked_paths(root) == ["B.MD", "a.jpg", "a.txt", "c.markdown", "d.text"]


def test_a_file_has_its_size_and_times(root: Path) -> None:
    make_files(root, "a.jpg")
    os.utime(root / "a.jpg", ns=(1, 1_234_567_890_123_456_789))
    changed = (root / "a.jpg").stat().st_ctime_ns
    expected = SourceFile(str(root / "a.jpg"), 5, 1_234_567_890_123_456_789, ctime_ns=changed)
    assert list(walk(str(root), Rules())) == [expected]


def test_paths_are_in_byte_order(root: Path) -> None:
    # "-" 0x2d, "." 0x2e, "/" 0x2f, "0" 0x30: the folder "a" sorts between "a.jpg" and "a0.jpg"
    make_files(root, "a/z.jpg", "a.jpg", "a-b.jpg", "a0.jpg", "a/b/c.jpg", "a/b.jpg", "a.d/x.jpg")
    assert walked_paths(root) == ["a-b.jpg", "a.d/x.jpg", "a.jpg", "a/b.jpg", "a/b/c.jpg", "a/z.jpg", "a0.jpg"]


def test_names_that_are_not_utf_8_are_found_and_sorted_by_their_bytes(root: Path) -> None:
    names = [os.fsdecode(name) for name in (b"\xc3\xa9.jpg", b"\xff.jpg", b"\xef\xbf\xbd.jpg", b"new\nline.jpg")]
    make_files(root, *names)
    assert [os.fsencode(name) for name in walked_paths(root)] == [
        b"new\nline.jpg",
        b"\xc3\xa9.jpg",
        b"\xef\xbf\xbd.jpg",
        b"\xff.jpg",
    ]


name = st.sampled_from(["a", "a-", "a.", "a b", "a0", "b", os.fsdecode(b"\xff"), "\ufffd", "ä"])


@settings(max_examples=40, deadline=None)  # each example writes files, and disks vary in speed
@given(trees=st.lists(st.lists(name, min_size=1, max_size=3), max_size=8))
def test_any_tree_is_walked_in_the_byte_order_of_its_paths(
    trees: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for parts in trees:
        make_files(root, os.path.join(*parts[:-1], f"{parts[-1]}.jpg") if len(parts) > 1 else f"{parts[0]}.jpg")
    paths = [file.path for file in walk(str(root), Rules())]
    written = [os.path.join(top, file) for top, _, files in os.walk(root) for file in files]
    assert paths == sorted(written, key=os.fsencode)


def test_a_folder_with_a_photos_name_is_a_folder(root: Path) -> None:
    make_files(root, "album.jpg/a.jpg")
    assert walked_paths(root) == ["album.jpg/a.jpg"]


def test_folders_may_be_deeper_than_pythons_recursion_limit(root: Path) -> None:
    depth = 1200  # with names of one letter, because a path has at most 4,096 bytes
    working_directory = os.getcwd()
    os.chdir(root)
    try:
        for _ in range(depth):
            os.mkdir("a")
            os.chdir("a")
        Path("x.jpg").write_bytes(b"x")
    finally:
        os.chdir(working_directory)
    paths = walked_paths(root)
    subprocess.run(["rm", "-rf", root / "a"], check=True)  # shutil.rmtree is recursive
    assert paths == ["a/" * depth + "x.jpg"]


def test_a_folder_of_many_files_takes_little_memory(root: Path) -> None:
    for number in range(20_000):
        os.close(os.open(root / f"photo-{number:06}.jpg", os.O_CREAT))
    tracemalloc.start()
    try:
        listings = (entry for entry in walker.walk(str(root), Rules()) if isinstance(entry, Listing))
        assert sum(len(listing.files) for listing in listings) == 20_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000 * 100  # bytes per file: a name of 16 takes 49, and its entries in lists


@pytest.mark.parametrize(("seconds", "stored"), [(10**10, 2**63 - 1), (-(10**10), -(2**63)), (5, 5 * 10**9)])
def test_a_time_out_of_range_is_stored_as_the_nearest_in_range(root: Path, seconds: int, stored: int) -> None:
    make_files(root, "a.jpg")
    info = os.stat(root / "a.jpg")

    class FakeStat:
        st_mtime_ns = seconds * 10**9
        st_ctime_ns = st_mtime_ns

    assert info.st_mtime_ns == stored_mtime(info)
    assert stored_mtime(cast("os.stat_result", FakeStat())) == stored
    assert stored_times(cast("os.stat_result", FakeStat())) == (stored, stored)


def test_a_missing_root_is_an_error(root: Path) -> None:
    with pytest.raises(SourceError, match=r"missing cannot be read \(No such file or directory\)"):
        list(walk(str(root / "missing"), Rules()))


def test_the_root_may_be_a_file_of_any_name(root: Path) -> None:
    make_files(root, ".scan")
    info = (root / ".scan").stat()
    expected = SourceFile(str(root / ".scan"), 5, info.st_mtime_ns, ctime_ns=info.st_ctime_ns)
    assert list(walk(str(root / ".scan"), Rules(exclude=("*",)))) == [expected]
