"""The plan: what a listing of a source and the catalog together ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from indexer.catalog.statements.sync_state import FileRecord
from indexer.errors import FailureKind
from indexer.sync.planner import (
    LOOKUP_SIZE,
    RETRYABLE_FAILURES,
    Added,
    Changed,
    Moved,
    Removed,
    Step,
    Touched,
    Unchanged,
)
from indexer.sync.walk_entries import SourceFile, UnreadableFile, UnreadableFolder
from tests.support.walks import Met, steps


def found(path: str, *, size: int = 1, mtime: int = 1, sidecar: int | None = None) -> SourceFile:
    return SourceFile(path, size, mtime, f"{path}.xmp" if sidecar else None, sidecar)


def known(
    id_: int, path: str, *, size: int = 1, mtime: int = 1, failure: str | None = None, sidecar: int | None = None
) -> FileRecord:
    return FileRecord(id_, path, size, mtime, failure, sidecar)


def plan(
    files: Sequence[Met],
    items: list[FileRecord],
    *,
    same: Mapping[str, list[FileRecord]] | None = None,
    gone: Callable[[FileRecord], bool] | None = None,
) -> list[Step]:
    """Return the steps; `same` gives by path the items with a file's content, and missing are those not listed."""
    here = {file.path for file in files}
    is_gone = gone or (lambda item: item.path not in here)
    return list(steps(files, items, same_content=lambda file: (same or {}).get(file.path, []), is_gone=is_gone))


def refuse(file: SourceFile) -> list[FileRecord]:
    raise AssertionError(f"{file.path} was read, which costs a pass over the file")


def test_a_new_file_is_added() -> None:
    assert plan([found("/a")], []) == [Added(found("/a"))]


def test_a_new_file_with_known_content_is_a_copy() -> None:
    item = known(1, "/a")
    assert plan([found("/a"), found("/b")], [item], same={"/b": [item]}) == [
        Unchanged(failed=False),
        Added(found("/b"), copy_of=1),
    ]


def test_a_file_as_it_was_is_unchanged_and_is_not_read() -> None:
    made = steps([found("/a")], [known(1, "/a")], same_content=refuse, is_gone=lambda _: False)
    assert list(made) == [Unchanged(failed=False)]


def test_a_new_time_with_the_old_content_is_a_touch() -> None:
    item = known(1, "/a")
    assert plan([found("/a", mtime=2)], [item], same={"/a": [item]}) == [Touched(found("/a", mtime=2), 1)]


def test_of_many_files_of_one_content_each_item_is_looked_at_once() -> None:
    items = [known(n, f"/old/{n:03}") for n in range(300)]
    here = [found(f"/new/{n:03}") for n in range(300)]
    asked: list[int] = []

    def is_gone(item: FileRecord) -> bool:
        asked.append(item.id)
        return item.id % 3 == 0

    made = plan(here, items, same={f"/new/{n:03}": items for n in range(300)}, gone=is_gone)
    assert [step.item_id for step in made if isinstance(step, Moved)] == list(range(0, 300, 3))
    assert [step.copy_of for step in made if isinstance(step, Added)] == [0] * 200
    assert asked == list(range(300))


def test_no_copy_is_taken_of_what_becomes_a_copy_itself() -> None:
    items = [known(n, f"/a/{n}") for n in range(10)]
    others = [known(n, f"/b/{n}") for n in range(10, 20)]
    now = [found(f"/a/{n}", mtime=2) for n in range(10)]  # all of them have the content of those in b
    later = [found(f"/b/{n}", mtime=2) for n in range(10, 20)]  # and the other way round
    same = {file.path: others for file in now} | {file.path: items for file in later}
    made = plan([*now, *later], [*items, *others], same=same)
    assert [(step.item_id, step.copy_of) for step in made if isinstance(step, Changed)] == [
        *((n, 10) for n in range(10)),
        *((n, None) for n in range(10, 20)),
    ]


def test_a_touch_is_seen_behind_an_older_item_of_the_same_content() -> None:
    first, second = known(1, "/a"), known(2, "/b")
    made = plan([found("/a"), found("/b", mtime=2)], [first, second], same={"/b": [first, second]})
    assert made == [Unchanged(failed=False), Touched(found("/b", mtime=2), 2)]


@pytest.mark.parametrize("file", [found("/a", mtime=2), found("/a", size=2)], ids=["time", "size"])
def test_new_content_under_a_known_path_is_a_change(file: SourceFile) -> None:
    assert plan([file], [known(1, "/a")]) == [Changed(file, 1)]


def test_a_change_to_the_content_of_another_item_is_a_copy_of_that() -> None:
    other = known(2, "/b")
    made = plan([found("/a", mtime=2), found("/b")], [known(1, "/a"), other], same={"/a": [other]})
    assert made == [Unchanged(failed=False), Changed(found("/a", mtime=2), 1, copy_of=2)]


def test_a_file_that_is_gone_is_removed() -> None:
    assert plan([], [known(1, "/a")]) == [Removed(1)]


def test_a_missing_item_whose_content_is_found_elsewhere_has_moved() -> None:
    item = known(1, "/old")
    assert plan([found("/new")], [item], same={"/new": [item]}) == [Moved(found("/new"), 1)]


def test_moves_come_before_removals() -> None:
    moved, gone = known(2, "/b"), known(1, "/a")
    # by path the removal would be first; done first it could take away what a copy still needs
    assert plan([found("/c")], [gone, moved], same={"/c": [moved]}) == [Moved(found("/c"), 2), Removed(1)]


def test_of_two_new_files_with_a_missing_items_content_the_first_is_the_move_and_the_second_a_copy() -> None:
    item = known(1, "/old")
    made = plan([found("/new1"), found("/new2")], [item], same={"/new1": [item], "/new2": [item]})
    assert made == [Moved(found("/new1"), 1), Added(found("/new2"), copy_of=1)]


def test_two_missing_items_of_one_content_move_to_two_new_files() -> None:
    items = [known(1, "/x"), known(2, "/y")]
    made = plan([found("/new1"), found("/new2")], items, same={"/new1": items, "/new2": items})
    assert made == [Moved(found("/new1"), 1), Moved(found("/new2"), 2)]


def test_an_item_from_outside_the_listing_moves_too() -> None:
    outside = known(7, "/elsewhere/a")
    assert plan([found("/a")], [], same={"/a": [outside]}) == [Moved(found("/a"), 7)]
    assert plan([found("/a")], [], same={"/a": [outside]}, gone=lambda _: False) == [Added(found("/a"), copy_of=7)]


def test_two_files_that_changed_places_do_not_copy_each_other() -> None:
    one, two = known(1, "/a", size=10), known(2, "/b", size=20)
    made = plan([found("/a", size=20), found("/b", size=10)], [one, two], same={"/a": [two], "/b": [one]})
    # when /b's turn comes, item 1 already holds what item 2 held: its content has to be encoded again
    assert made == [Changed(found("/a", size=20), 1, copy_of=2), Changed(found("/b", size=10), 2)]


def test_names_that_were_passed_on_in_a_row_do_not_copy_a_replaced_item() -> None:
    one, two = known(1, "/1", size=10), known(2, "/2", size=20)
    made = plan([found("/2", size=10), found("/3", size=20)], [one, two], same={"/2": [one], "/3": [two]})
    assert made == [Changed(found("/2", size=10), 2, copy_of=1), Added(found("/3", size=20)), Removed(1)]


@pytest.mark.parametrize("kind", list(FailureKind))
def test_a_failure_is_retried_where_something_else_than_the_file_can_mend_it(kind: FailureKind) -> None:
    file = found("/a")
    again = kind in {"too-large", "unsupported", "unreadable", "encoder"}  # a limit, a package, a right, the weights
    assert (kind in RETRYABLE_FAILURES) == again
    expected = Changed(file, 1) if again else Unchanged(failed=True)
    assert plan([file], [known(1, "/a", failure=kind)]) == [expected]


@pytest.mark.parametrize("kind", list(FailureKind))
def test_every_failure_is_retried_when_its_file_changed(kind: FailureKind) -> None:
    file = found("/a", mtime=2)
    assert plan([file], [known(1, "/a", failure=kind)]) == [Changed(file, 1)]


def test_what_is_known_of_an_unreadable_file_is_kept_and_its_neighbours_are_compared() -> None:
    items = [known(n, path) for n, path in enumerate(("/a", "/b", "/b-c", "/b/d", "/e"), start=1)]
    made = plan([UnreadableFile("/b", "Input/output error"), found("/b-c", mtime=2), found("/e")], items)
    assert made == [Unchanged(failed=False), Changed(found("/b-c", mtime=2), 3), Removed(1), Removed(4)]
    assert plan([UnreadableFile("/f", "Input/output error")], items[:1]) == [Removed(1)]


def test_an_unreadable_folder_may_be_that_of_all_others() -> None:
    assert plan([UnreadableFolder("/", "Permission denied")], [known(1, "/a"), known(2, "/b/c")]) == []


def test_what_is_known_below_an_unreadable_folder_is_kept() -> None:
    items = [known(1, "/a/x"), known(2, "/b/deep/y"), known(3, "/b/z"), known(4, "/c")]
    assert plan([UnreadableFolder("/b", "Permission denied")], items) == [Removed(1), Removed(4)]


@pytest.mark.parametrize("sibling", ["/b-", "/b.jpg", "/b "])
def test_a_gone_sibling_that_sorts_before_the_separator_does_not_uncover_an_unreadable_folder(sibling: str) -> None:
    # "-", "." and " " are bytes below "/": the sibling stands between "/b" and "/b/x"
    items = [known(1, sibling), known(2, "/b/x")]
    assert plan([UnreadableFolder("/b", "Permission denied"), found("/c")], items) == [
        Added(found("/c")),
        Removed(1),
    ]


def test_a_sibling_with_the_folders_name_at_its_beginning_is_not_inside_it() -> None:
    assert plan([UnreadableFolder("/b", "Permission denied")], [known(1, "/b/x"), known(2, "/b0")]) == [Removed(2)]


def test_names_are_merged_in_the_byte_order_of_whole_paths() -> None:
    # "-" 0x2d, "." 0x2e, "/" 0x2f, "0" 0x30; \udcff is the byte 0xff, after the three bytes of U+FFFD (0xef..)
    names = ["/a", "/a-b", "/a.b", "/a/b", "/a0", "/\ufffd", "/\udcff"]
    items = [known(id_, name) for id_, name in enumerate(names, start=1)]
    assert plan([found(name) for name in names], items) == [Unchanged(failed=False)] * 7
    assert plan([found(name) for name in names[::2]], items) == [Unchanged(failed=False)] * 4 + [
        Removed(2),
        Removed(4),
        Removed(6),
    ]


def test_steps_come_while_the_source_is_still_being_listed() -> None:
    listed: list[str] = []

    def listing() -> Iterator[SourceFile]:
        for number in range(2 * LOOKUP_SIZE):
            listed.append(f"/{number:04}")
            yield found(listed[-1])

    made = steps(listing(), [], same_content=lambda _: [], is_gone=lambda _: True)
    assert next(made) == Added(found("/0000"))
    assert len(listed) == LOOKUP_SIZE  # so many are held against the catalog together


@pytest.mark.parametrize(("before", "now"), [(None, 5), (5, None), (5, 6), (6, 5)])
def test_a_sidecar_that_came_went_or_changed_is_a_change_and_the_photo_is_not_compared(
    before: int | None, now: int | None
) -> None:
    file = found("/a", sidecar=now)
    made = steps([file], [known(1, "/a", sidecar=before)], same_content=refuse, is_gone=lambda _: False)
    assert list(made) == [Changed(file, 1)]


def test_a_sidecar_as_it_was_changes_nothing() -> None:
    assert plan([found("/a", sidecar=5)], [known(1, "/a", sidecar=5)]) == [Unchanged(failed=False)]
    item = known(1, "/a", sidecar=5)
    touched = found("/a", mtime=2, sidecar=5)
    assert plan([touched], [item], same={"/a": [item]}) == [Touched(touched, 1)]


def test_a_sidecar_cannot_mend_a_photo_that_is_damaged() -> None:
    item = known(1, "/a", failure=FailureKind.DAMAGED)
    assert plan([found("/a", sidecar=5)], [item]) == [Unchanged(failed=True)]


@pytest.mark.parametrize(("mine", "theirs"), [(5, None), (None, 5), (5, 5), (5, 6)])
def test_nothing_is_copied_from_or_to_a_photo_with_a_sidecar(mine: int | None, theirs: int | None) -> None:
    item, file = known(1, "/a", sidecar=theirs), found("/b", sidecar=mine)
    made = plan([found("/a", sidecar=theirs), file], [item], same={"/b": [item]})
    assert made == [Unchanged(failed=False), Added(file)]


def test_a_copy_is_taken_from_the_first_twin_without_a_sidecar() -> None:
    one, two = known(1, "/a", sidecar=5), known(2, "/b")
    made = plan([found("/a", sidecar=5), found("/b"), found("/c")], [one, two], same={"/c": [one, two]})
    assert made[2] == Added(found("/c"), copy_of=2)


def test_a_moved_photo_is_read_again_only_for_another_sidecar() -> None:
    item = known(1, "/old", sidecar=5)
    same, other = found("/new", sidecar=5), found("/new", sidecar=6)
    assert plan([same], [item], same={"/new": [item]}) == [Moved(same, 1)]
    assert plan([other], [item], same={"/new": [item]}) == [Moved(other, 1), Changed(other, 1)]
