"""Which folders have lost all of their files, given the files that exist and those that are missing, in their order."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.sync.missing_folders import EMPTY_REASON, FolderReasons, MissingFolders


def empty_folders(root: Path, present: set[str], missing: set[str]) -> list[str]:
    """Return the folders that have lost all of their files, relative to the root, which exists on disk."""
    folders = MissingFolders(str(root))
    for name in sorted(present | missing, key=lambda name: bytes(root / name)):
        path = bytes(root / name)
        if name in present:
            folders.add_files(path, has_photos=not name.endswith(".txt"))
        else:
            folders.add_missing(path)
    reasons = folders.close()
    found = {reasons.folder_of(bytes(root / name)) for name in missing} - {None}
    return sorted(str(Path(folder.decode()).relative_to(root)) for folder in found if folder is not None)


@pytest.mark.parametrize(
    ("present", "missing", "expected"),
    [
        ({"a.jpg"}, {"b.jpg"}, []),
        (set(), {"b.jpg"}, ["."]),
        ({"a.jpg"}, {"x/b.jpg", "x/y/c.jpg"}, ["x"]),
        ({"x/a.jpg"}, {"x/b.jpg", "x/y/c.jpg"}, ["x/y"]),
        ({"x/y/a.jpg"}, {"x/b.jpg", "x/z/c.jpg"}, ["x/z"]),
        ({"x-1.jpg", "x0.jpg"}, {"x/b.jpg"}, ["x"]),
        ({"a.jpg", "x/note.txt"}, {"x/b.jpg"}, ["x"]),
        ({"a.jpg", "x/note.txt"}, {"x/old.txt"}, []),
        ({"a.jpg"}, {"deleted/b.jpg", "x/c.jpg"}, ["x"]),
        ({"a.jpg"}, {"x/deleted/b.jpg"}, ["x"]),
        ({"a.jpg", "x/y/b.jpg"}, {"x/deleted/b.jpg"}, []),
    ],
)
def test_the_outermost_folders_without_photos_are_found(
    tmp_path: Path, present: set[str], missing: set[str], expected: list[str]
) -> None:
    for folder in ("x/y", "x/z"):
        (tmp_path / folder).mkdir(parents=True)
    assert empty_folders(tmp_path, present, missing) == expected


def test_a_path_belongs_to_the_outermost_folder_that_contains_it() -> None:
    reasons = FolderReasons({b"/a/b/": EMPTY_REASON, b"/a/": "its disk is not mounted", b"/a0/": EMPTY_REASON})
    assert [reasons.folder_of(path) for path in (b"/a/x", b"/a/b/x", b"/a-b/x", b"/a0/x", b"/b")] == [
        b"/a/", b"/a/", None, b"/a0/", None,
    ]  # fmt: skip
    assert reasons.reason(b"/a/") == "its disk is not mounted"
