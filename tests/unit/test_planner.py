"""The planner compares the files of a source with the records of the catalog."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from indexer.catalog.statements.sync_state import FileRecord
from indexer.errors import FailureKind
from indexer.sync.planner import LOOKUP_SIZE, RETRYABLE_FAILURES
from indexer.sync.steps import Added, Changed, Moved, Removed, Step, Touched, Unchanged
from indexer.sync.walk_entries import SourceFile, UnreadableFile, UnreadableFolder
from tests.support.walks import VisitedPath, steps


def file_at(path: str, *, size: int = 1, mtime: int = 1, sidecar: int | None = None) -> SourceFile:
    return SourceFile(path, size, mtime, (f"{path}.xmp",) if sidecar else (), sidecar)


def record(
    id_: int, path: str, *, size: int = 1, mtime: int = 1, failure: str | None = None, sidecar: int | None = None
) -> FileRecord:
    return FileRecord(id_, path, size, mtime, failure, sidecar)


def plan(
    visited: Sequence[VisitedPath],
    records: list[FileRecord],
    *,
    copies: Mapping[str, list[FileRecord]] | None = None,
    is_missing: Callable[[FileRecord], bool] | None = None,
) -> list[Step]:
    """Return the steps for a source in the order in which they are done: removals last, of items that have not moved.

    Args:
        visited: The files and unreadable paths of the source.
        records: The records of the catalog.
        copies: The items with a file's content, by its path.
        is_missing: None for the records whose path was not visited.
    """
    paths = {entry.path for entry in visited}
    is_missing = is_missing or (lambda item: item.path not in paths)
    found = copies or {}
    planned = list(steps(visited, records, find_copies=lambda file: found.get(file.path, []), is_missing=is_missing))
    moved = {step.item_id for step in planned if isinstance(step, Moved)}
    removals = [step for step in planned if isinstance(step, Removed)]
    others = [step for step in planned if not isinstance(step, Removed)]
    return [*others, *(step for step in removals if step.item_id not in moved)]


def fail_if_read(file: SourceFile) -> list[FileRecord]:
    raise AssertionError(f"{file.path} was read, which takes a pass over the file")


def test_a_new_file_is_added() -> None:
    assert plan([file_at("/a")], []) == [Added(file_at("/a"))]


def test_a_new_file_with_the_content_of_an_item_is_a_copy() -> None:
    item = record(1, "/a")
    assert plan([file_at("/a"), file_at("/b")], [item], copies={"/b": [item]}) == [
        Unchanged(failed=False),
        Added(file_at("/b"), copy_of=1),
    ]


def test_an_unchanged_file_is_not_read() -> None:
    planned = steps([file_at("/a")], [record(1, "/a")], find_copies=fail_if_read, is_missing=lambda _: False)
    assert list(planned) == [Unchanged(failed=False)]


def test_a_new_time_with_the_same_content_is_a_touch() -> None:
    item = record(1, "/a")
    assert plan([file_at("/a", mtime=2)], [item], copies={"/a": [item]}) == [Touched(file_at("/a", mtime=2), 1)]


def test_each_of_many_items_with_one_content_is_checked_once() -> None:
    items = [record(n, f"/old/{n:03}") for n in range(300)]
    files = [file_at(f"/new/{n:03}") for n in range(300)]
    checked: list[int] = []

    def is_missing(item: FileRecord) -> bool:
        checked.append(item.id)
        return item.id % 3 == 0

    planned = plan(files, items, copies={f"/new/{n:03}": items for n in range(300)}, is_missing=is_missing)
    assert [step.item_id for step in planned if isinstance(step, Moved)] == list(range(0, 300, 3))
    assert [step.copy_of for step in planned if isinstance(step, Added)] == [0] * 200
    assert checked == list(range(300))


def test_an_item_that_becomes_a_copy_is_not_copied() -> None:
    items = [record(n, f"/a/{n}") for n in range(10)]
    others = [record(n, f"/b/{n}") for n in range(10, 20)]
    in_a = [file_at(f"/a/{n}", mtime=2) for n in range(10)]  # now with the content of the items in /b
    in_b = [file_at(f"/b/{n}", mtime=2) for n in range(10, 20)]  # and the other way round
    copies = {file.path: others for file in in_a} | {file.path: items for file in in_b}
    planned = plan([*in_a, *in_b], [*items, *others], copies=copies)
    assert [(step.item_id, step.copy_of) for step in planned if isinstance(step, Changed)] == [
        *((n, 10) for n in range(10)),
        *((n, None) for n in range(10, 20)),
    ]


def test_a_touch_is_recognized_although_an_older_item_has_the_same_content() -> None:
    first, second = record(1, "/a"), record(2, "/b")
    planned = plan([file_at("/a"), file_at("/b", mtime=2)], [first, second], copies={"/b": [first, second]})
    assert planned == [Unchanged(failed=False), Touched(file_at("/b", mtime=2), 2)]


@pytest.mark.parametrize("file", [file_at("/a", mtime=2), file_at("/a", size=2)], ids=["time", "size"])
def test_new_content_at_an_items_path_is_a_change(file: SourceFile) -> None:
    assert plan([file], [record(1, "/a")]) == [Changed(file, 1)]


def test_a_change_to_the_content_of_another_item_is_a_copy() -> None:
    other = record(2, "/b")
    planned = plan([file_at("/a", mtime=2), file_at("/b")], [record(1, "/a"), other], copies={"/a": [other]})
    assert planned == [Unchanged(failed=False), Changed(file_at("/a", mtime=2), 1, copy_of=2)]


def test_an_item_whose_file_was_deleted_is_removed() -> None:
    assert plan([], [record(1, "/a")]) == [Removed(1, b"/a")]


def test_a_missing_item_whose_content_is_elsewhere_has_moved() -> None:
    item = record(1, "/old")
    assert plan([file_at("/new")], [item], copies={"/new": [item]}) == [Moved(file_at("/new"), 1)]


def test_moves_come_before_removals() -> None:
    moved, removed = record(2, "/b"), record(1, "/a")
    # in the order of paths, the removal would delete content that a copy may still need
    assert plan([file_at("/c")], [removed, moved], copies={"/c": [moved]}) == [
        Moved(file_at("/c"), 2),
        Removed(1, b"/a"),
    ]


def test_of_two_new_files_with_a_missing_items_content_the_first_is_a_move_and_the_second_a_copy() -> None:
    item = record(1, "/old")
    planned = plan([file_at("/new1"), file_at("/new2")], [item], copies={"/new1": [item], "/new2": [item]})
    assert planned == [Moved(file_at("/new1"), 1), Added(file_at("/new2"), copy_of=1)]


def test_two_missing_items_with_one_content_move_to_two_new_files() -> None:
    items = [record(1, "/x"), record(2, "/y")]
    planned = plan([file_at("/new1"), file_at("/new2")], items, copies={"/new1": items, "/new2": items})
    assert planned == [Moved(file_at("/new1"), 1), Moved(file_at("/new2"), 2)]


def test_an_item_from_outside_the_source_moves_too() -> None:
    outside = record(7, "/elsewhere/a")
    assert plan([file_at("/a")], [], copies={"/a": [outside]}) == [Moved(file_at("/a"), 7)]
    assert plan([file_at("/a")], [], copies={"/a": [outside]}, is_missing=lambda _: False) == [
        Added(file_at("/a"), copy_of=7)
    ]


def test_two_files_that_swapped_names_do_not_copy_each_other() -> None:
    one, two = record(1, "/a", size=10), record(2, "/b", size=20)
    planned = plan([file_at("/a", size=20), file_at("/b", size=10)], [one, two], copies={"/a": [two], "/b": [one]})
    # when /b is updated, item 1 already has the content of item 2, so /b must be encoded again
    assert planned == [Changed(file_at("/a", size=20), 1, copy_of=2), Changed(file_at("/b", size=10), 2)]


def test_a_replaced_item_is_not_copied_when_files_are_renamed_in_a_row() -> None:
    one, two = record(1, "/1", size=10), record(2, "/2", size=20)
    planned = plan([file_at("/2", size=10), file_at("/3", size=20)], [one, two], copies={"/2": [one], "/3": [two]})
    assert planned == [Changed(file_at("/2", size=10), 2, copy_of=1), Added(file_at("/3", size=20)), Removed(1, b"/1")]


@pytest.mark.parametrize("kind", list(FailureKind))
def test_a_failure_is_retried_if_something_other_than_the_file_can_fix_it(kind: FailureKind) -> None:
    file = file_at("/a")
    # a limit, a package, a permission, memory or a busy machine, weights
    is_retried = kind in {"too-large", "unsupported", "unreadable", "crashed", "timed-out", "encoder"}
    assert (kind in RETRYABLE_FAILURES) == is_retried
    expected = Changed(file, 1) if is_retried else Unchanged(failed=True)
    assert plan([file], [record(1, "/a", failure=kind)]) == [expected]


@pytest.mark.parametrize("kind", list(FailureKind))
def test_every_failure_is_retried_if_its_file_changed(kind: FailureKind) -> None:
    file = file_at("/a", mtime=2)
    assert plan([file], [record(1, "/a", failure=kind)]) == [Changed(file, 1)]


def test_the_item_of_an_unreadable_file_is_kept_and_its_neighbors_are_compared() -> None:
    items = [record(n, path) for n, path in enumerate(("/a", "/b", "/b-c", "/b/d", "/e"), start=1)]
    planned = plan([UnreadableFile("/b", "Input/output error"), file_at("/b-c", mtime=2), file_at("/e")], items)
    assert planned == [
        Unchanged(failed=False),
        Changed(file_at("/b-c", mtime=2), 3),
        Removed(1, b"/a"),
        Removed(4, b"/b/d"),
    ]
    assert plan([UnreadableFile("/f", "Input/output error")], items[:1]) == [Removed(1, b"/a")]


def test_the_unreadable_folder_may_be_the_root_of_the_file_system() -> None:
    assert plan([UnreadableFolder("/", "Permission denied")], [record(1, "/a"), record(2, "/b/c")]) == []


def test_items_in_an_unreadable_folder_are_kept() -> None:
    items = [record(1, "/a/x"), record(2, "/b/deep/y"), record(3, "/b/z"), record(4, "/c")]
    assert plan([UnreadableFolder("/b", "Permission denied")], items) == [Removed(1, b"/a/x"), Removed(4, b"/c")]


@pytest.mark.parametrize("sibling", ["/b-", "/b.jpg", "/b "])
def test_a_deleted_sibling_that_sorts_before_the_separator_does_not_affect_an_unreadable_folder(sibling: str) -> None:
    # the bytes "-", "." and " " are below "/", so the sibling sorts between "/b" and "/b/x"
    items = [record(1, sibling), record(2, "/b/x")]
    assert plan([UnreadableFolder("/b", "Permission denied"), file_at("/c")], items) == [
        Added(file_at("/c")),
        Removed(1, os.fsencode(sibling)),
    ]


def test_a_sibling_whose_name_begins_with_the_folders_is_not_in_it() -> None:
    assert plan([UnreadableFolder("/b", "Permission denied")], [record(1, "/b/x"), record(2, "/b0")]) == [
        Removed(2, b"/b0")
    ]


def test_files_and_records_are_merged_in_the_byte_order_of_paths() -> None:
    # "-" 0x2d, "." 0x2e, "/" 0x2f, "0" 0x30; \udcff is the byte 0xff, after the three bytes of U+FFFD (0xef..)
    names = ["/a", "/a-b", "/a.b", "/a/b", "/a0", "/\ufffd", "/\udcff"]
    items = [record(id_, name) for id_, name in enumerate(names, start=1)]
    assert plan([file_at(name) for name in names], items) == [Unchanged(failed=False)] * 7
    assert plan([file_at(name) for name in names[::2]], items) == [Unchanged(failed=False)] * 4 + [
        Removed(2, b"/a-b"),
        Removed(4, b"/a/b"),
        Removed(6, "/\ufffd".encode()),
    ]


def test_steps_are_yielded_while_the_source_is_being_listed() -> None:
    listed: list[str] = []

    def listing() -> Iterator[SourceFile]:
        for number in range(2 * LOOKUP_SIZE):
            listed.append(f"/{number:04}")
            yield file_at(listed[-1])

    planned = steps(listing(), [], find_copies=lambda _: [], is_missing=lambda _: True)
    assert next(planned) == Added(file_at("/0000"))
    assert len(listed) == LOOKUP_SIZE  # files looked up together


@pytest.mark.parametrize(("before", "after"), [(None, 5), (5, None), (5, 6), (6, 5)])
def test_a_new_deleted_or_changed_sidecar_is_a_change_and_the_photo_is_not_read(
    before: int | None, after: int | None
) -> None:
    file = file_at("/a", sidecar=after)
    planned = steps([file], [record(1, "/a", sidecar=before)], find_copies=fail_if_read, is_missing=lambda _: False)
    assert list(planned) == [Changed(file, 1)]


def test_an_unchanged_sidecar_changes_nothing() -> None:
    assert plan([file_at("/a", sidecar=5)], [record(1, "/a", sidecar=5)]) == [Unchanged(failed=False)]
    item = record(1, "/a", sidecar=5)
    touched = file_at("/a", mtime=2, sidecar=5)
    assert plan([touched], [item], copies={"/a": [item]}) == [Touched(touched, 1)]


def test_a_new_sidecar_does_not_retry_a_damaged_photo() -> None:
    item = record(1, "/a", failure=FailureKind.DAMAGED)
    assert plan([file_at("/a", sidecar=5)], [item]) == [Unchanged(failed=True)]


@pytest.mark.parametrize(("new", "indexed"), [(5, None), (None, 5), (5, 5), (5, 6)])
def test_nothing_is_copied_from_or_to_a_photo_with_a_sidecar(new: int | None, indexed: int | None) -> None:
    item, file = record(1, "/a", sidecar=indexed), file_at("/b", sidecar=new)
    planned = plan([file_at("/a", sidecar=indexed), file], [item], copies={"/b": [item]})
    assert planned == [Unchanged(failed=False), Added(file)]


def test_the_first_item_without_a_sidecar_is_copied() -> None:
    one, two = record(1, "/a", sidecar=5), record(2, "/b")
    planned = plan([file_at("/a", sidecar=5), file_at("/b"), file_at("/c")], [one, two], copies={"/c": [one, two]})
    assert planned[2] == Added(file_at("/c"), copy_of=2)


def test_a_moved_photo_is_read_again_only_if_its_sidecar_changed() -> None:
    item = record(1, "/old", sidecar=5)
    unchanged, changed = file_at("/new", sidecar=5), file_at("/new", sidecar=6)
    assert plan([unchanged], [item], copies={"/new": [item]}) == [Moved(unchanged, 1)]
    assert plan([changed], [item], copies={"/new": [item]}) == [
        Moved(changed, 1, has_other_sidecar=True),
        Changed(changed, 1),
    ]
