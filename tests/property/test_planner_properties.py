"""The plan, for any source and any catalog: doing its steps makes the catalog what the disk is."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from indexer.catalog.statements.sync_state import FileRecord
from indexer.errors import FailureKind
from indexer.sync.planner import RETRYABLE_FAILURES, Added, Changed, Moved, Removed, Step, Touched, Unchanged
from indexer.sync.walk_entries import SourceFile, UnreadableFolder
from tests.support.walks import steps

# names that sort around the separator, and a byte that is no UTF-8
paths = st.lists(st.sampled_from(["a", "a-b", "a.b", "a0", "b", "\udcff", "\ufffd"]), min_size=1, max_size=3).map(
    lambda names: "/in/" + "/".join(names)
)
outside = st.sampled_from(["/out/a", "/out/b"])
contents = st.integers(1, 4)  # a content is its size here: other content, other size
times = st.integers(1, 2)
sidecars = st.sampled_from([None, None, 1, 2])
failures = st.one_of(st.none(), st.none(), st.sampled_from(list(FailureKind)))


Disk = dict[str, tuple[int, int, int | None]]
"""Path to size, time and the time of the sidecar."""


@dataclass
class Row:
    """An item as the model keeps it: its content stands for its embedding."""

    path: str
    size: int
    mtime: int
    failure: str | None
    sidecar: int | None = None

    @property
    def content(self) -> int | None:
        return None if self.failure else self.size


@dataclass
class Catalog:
    """A catalog that does what `indexer.sync.pipeline` does: all cheap steps in order, then what is encoded."""

    rows: dict[int, Row] = field(default_factory=dict)
    held: dict[int, int | None] = field(default_factory=dict)  # item id -> content that its embedding is of
    read: dict[int, int | None] = field(default_factory=dict)  # item id -> sidecar that its facts are of

    def known(self) -> list[FileRecord]:
        rows = [
            FileRecord(id_, row.path, row.size, row.mtime, row.failure, row.sidecar) for id_, row in self.rows.items()
        ]
        return sorted(rows, key=lambda item: os.fsencode(item.path))

    def same_content(self, file: SourceFile) -> list[FileRecord]:
        """Return the items whose embedding is of a file's content, by id."""
        same = [id_ for id_, content in self.held.items() if content == file.size]
        return [item for item in sorted(self.known()) if item.id in same]

    def do(self, steps: list[Step]) -> None:
        encoded = [step for step in steps if isinstance(step, Added | Changed) and step.copy_of is None]
        for step in steps:
            if isinstance(step, Unchanged) or step in encoded:
                continue
            if isinstance(step, Removed):
                del self.rows[step.item_id], self.held[step.item_id], self.read[step.item_id]
            elif isinstance(step, Moved | Touched):
                row = self.rows[step.item_id]
                self.rows[step.item_id] = Row(step.file.path, step.file.size, step.file.mtime_ns, None, row.sidecar)
            else:
                assert step.copy_of is not None
                source = step.copy_of
                self.put(step.file, self.held[source], self.rows[source].sidecar, self.read[source])
        for step in encoded:
            sidecar = step.file.sidecar_mtime_ns
            self.put(step.file, step.file.size, sidecar, sidecar)

    def place(self, file: SourceFile) -> int:
        """Return the id of the item at a path, a new one where there is none."""
        held = [id_ for id_, row in self.rows.items() if row.path == file.path]
        return held[0] if held else max(self.rows, default=0) + 1

    def put(self, file: SourceFile, content: int | None, sidecar: int | None, read: int | None) -> None:
        id_ = self.place(file)
        self.rows[id_] = Row(file.path, file.size, file.mtime_ns, None, sidecar)
        self.held[id_], self.read[id_] = content, read


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    catalog = Catalog()
    names = draw(st.lists(st.one_of(paths, outside), unique=True, max_size=8))
    for id_, name in enumerate(names, start=1):
        row = Row(name, draw(contents), draw(times), draw(failures), draw(sidecars))
        catalog.rows[id_], catalog.held[id_], catalog.read[id_] = row, row.content, row.sidecar
    return catalog


disks = st.dictionaries(paths, st.tuples(contents, times, sidecars), max_size=8)


def steps_for(catalog: Catalog, disk: Disk, *, unreadable: str | None = None, lost: bool = False) -> list[Step]:
    """Return the plan; an unreadable folder hides what is in it, and `lost` says that what is outside is gone."""
    inside = f"{unreadable}/"
    files: list[SourceFile | UnreadableFolder] = [
        SourceFile(path, size, mtime, f"{path}.xmp" if sidecar else None, sidecar)
        for path, (size, mtime, sidecar) in disk.items()
        if not path.startswith(inside)
    ]
    if unreadable is not None:
        files.append(UnreadableFolder(unreadable, "Permission denied"))
    files.sort(key=lambda file: os.fsencode(file.path + "/" if isinstance(file, UnreadableFolder) else file.path))
    known = [item for item in catalog.known() if item.path.startswith("/in/")]
    gone = lambda item: lost if item.path.startswith("/out/") else item.path not in disk  # noqa: E731
    return list(steps(files, known, same_content=catalog.same_content, is_gone=gone))


@given(catalogs(), disks, st.booleans())
def test_doing_the_steps_makes_the_catalog_what_was_found(catalog: Catalog, disk: Disk, lost: bool) -> None:
    before = {id_: row for id_, row in catalog.rows.items() if row.path.startswith("/out/")}
    failed = {row.path: row for row in catalog.rows.values() if row.failure}
    catalog.do(steps_for(catalog, disk, lost=lost))
    inside = {row.path: (id_, row) for id_, row in catalog.rows.items() if row.path.startswith("/in/")}
    assert inside.keys() == disk.keys()
    for path, (id_, row) in inside.items():
        assert (row.size, row.mtime) == disk[path][:2]
        assert row.failure or catalog.read[id_] == row.sidecar == disk[path][2]  # its facts are the sidecar's
        # its embedding is of its content, or it failed before, is the same file, and nothing else could mend it
        assert catalog.held[id_] == row.size or (row is failed.get(path) and row.failure not in RETRYABLE_FAILURES)
    for id_, row in before.items():  # what lies outside is at most moved in
        assert catalog.rows[id_] is row or (lost and catalog.rows[id_].path in disk)


@given(catalogs(), disks, st.booleans())
def test_planning_again_finds_nothing_to_do(catalog: Catalog, disk: Disk, lost: bool) -> None:
    catalog.do(steps_for(catalog, disk, lost=lost))
    assert all(isinstance(step, Unchanged) for step in steps_for(catalog, disk, lost=lost))


@given(catalogs(), disks, paths)
def test_an_unreadable_folder_keeps_its_items_and_shields_no_others(catalog: Catalog, disk: Disk, folder: str) -> None:
    shielded = {id_: row for id_, row in catalog.rows.items() if row.path.startswith(f"{folder}/")}
    catalog.do(steps_for(catalog, disk, unreadable=folder))
    rest = {path for path in disk if not path.startswith(f"{folder}/")}
    for id_, row in shielded.items():  # kept as it was, or moved to a place that can be read
        assert catalog.rows[id_] is row or catalog.rows[id_].path in rest
    left = {row.path for row in catalog.rows.values() if row.path.startswith("/in/")}
    assert {path for path in left if not path.startswith(f"{folder}/")} == rest


@given(catalogs(), disks)
def test_every_removal_comes_after_every_move(catalog: Catalog, disk: Disk) -> None:
    kinds = [isinstance(step, Removed) for step in steps_for(catalog, disk)]
    assert kinds == sorted(kinds)
