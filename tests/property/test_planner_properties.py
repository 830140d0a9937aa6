"""For any source and any catalog, executing the planned steps makes the catalog match the source."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from indexer.catalog.statements.sync_state import FileRecord
from indexer.errors import FailureKind
from indexer.sync.planner import RETRYABLE_FAILURES
from indexer.sync.steps import Added, Changed, Inaccessible, Moved, Removed, Step, Touched, Unchanged
from indexer.sync.walk_entries import SourceFile, UnreadableFolder
from tests.support.walks import steps

# names that sort before and after the separator, and a byte that is not UTF-8
paths = st.lists(st.sampled_from(["a", "a-b", "a.b", "a0", "b", "\udcff", "\ufffd"]), min_size=1, max_size=3).map(
    lambda names: "/in/" + "/".join(names)
)
outside = st.sampled_from(["/out/a", "/out/b"])
contents = st.integers(1, 4)  # in this model the size stands for the content
times = st.integers(1, 2)
sidecars = st.sampled_from([None, None, 1, 2])
failures = st.one_of(st.none(), st.none(), st.sampled_from(list(FailureKind)))


Disk = dict[str, tuple[int, int, int | None]]
"""Path to size, modification time and the sidecar's modification time."""


@dataclass
class Row:
    """An item of the model; its content stands for its embedding."""

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
    """A catalog that executes steps like `indexer.sync.pipeline`: first those without encoding, then the others."""

    rows: dict[int, Row] = field(default_factory=dict)
    embedded: dict[int, int | None] = field(default_factory=dict)  # item id -> content of its embedding
    sidecars: dict[int, int | None] = field(default_factory=dict)  # item id -> sidecar of its metadata

    def records(self) -> list[FileRecord]:
        rows = [
            FileRecord(id_, row.path, row.size, row.mtime, row.failure, row.sidecar) for id_, row in self.rows.items()
        ]
        return sorted(rows, key=lambda item: os.fsencode(item.path))

    def find_copies(self, file: SourceFile) -> list[FileRecord]:
        """Return the items whose embedding is of a file's content, ordered by id."""
        ids = [id_ for id_, content in self.embedded.items() if content == file.size]
        return [record for record in sorted(self.records()) if record.id in ids]

    def execute(self, steps: list[Step]) -> None:
        encoded = [step for step in steps if isinstance(step, Added | Changed) and step.copy_of is None]
        for step in steps:
            if isinstance(step, Unchanged | Removed | Inaccessible) or step in encoded:
                continue
            if isinstance(step, Moved | Touched):
                row = self.rows[step.item_id]
                self.rows[step.item_id] = Row(step.file.path, step.file.size, step.file.mtime_ns, None, row.sidecar)
            else:
                assert isinstance(step, Added | Changed)
                assert step.copy_of is not None
                source = step.copy_of
                self.save(step.file, self.embedded[source], self.rows[source].sidecar, self.sidecars[source])
        for step in steps:
            if isinstance(step, Removed) and os.fsencode(self.rows[step.item_id].path) == step.path:
                del self.rows[step.item_id], self.embedded[step.item_id], self.sidecars[step.item_id]
        for step in encoded:
            sidecar = step.file.sidecar_mtime_ns
            self.save(step.file, step.file.size, sidecar, sidecar)

    def id_of(self, file: SourceFile) -> int:
        """Return the id of a file's item, a new one if it has none."""
        ids = [id_ for id_, row in self.rows.items() if row.path == file.path]
        return ids[0] if ids else max(self.rows, default=0) + 1

    def save(self, file: SourceFile, content: int | None, sidecar: int | None, metadata_sidecar: int | None) -> None:
        id_ = self.id_of(file)
        self.rows[id_] = Row(file.path, file.size, file.mtime_ns, None, sidecar)
        self.embedded[id_], self.sidecars[id_] = content, metadata_sidecar


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    catalog = Catalog()
    names = draw(st.lists(st.one_of(paths, outside), unique=True, max_size=8))
    for id_, name in enumerate(names, start=1):
        row = Row(name, draw(contents), draw(times), draw(failures), draw(sidecars))
        catalog.rows[id_], catalog.embedded[id_], catalog.sidecars[id_] = row, row.content, row.sidecar
    return catalog


disks = st.dictionaries(paths, st.tuples(contents, times, sidecars), max_size=8)


def steps_for(
    catalog: Catalog, disk: Disk, *, unreadable: str | None = None, is_outside_lost: bool = False
) -> list[Step]:
    """Return the planned steps.

    Args:
        catalog: The catalog.
        disk: The files of the source.
        unreadable: A folder that cannot be read.
        is_outside_lost: Whether all files outside the source are missing.
    """
    prefix = f"{unreadable}/"
    files: list[SourceFile | UnreadableFolder] = [
        SourceFile(path, size, mtime, (f"{path}.xmp",) if sidecar else (), sidecar)
        for path, (size, mtime, sidecar) in disk.items()
        if not path.startswith(prefix)
    ]
    if unreadable is not None:
        files.append(UnreadableFolder(unreadable, "Permission denied"))
    files.sort(key=lambda file: os.fsencode(file.path + "/" if isinstance(file, UnreadableFolder) else file.path))
    records = [record for record in catalog.records() if record.path.startswith("/in/")]

    def is_missing(record: FileRecord) -> bool:
        return is_outside_lost if record.path.startswith("/out/") else record.path not in disk

    return list(steps(files, records, find_copies=catalog.find_copies, is_missing=is_missing))


@given(catalogs(), disks, st.booleans())
def test_the_steps_make_the_catalog_match_the_source(catalog: Catalog, disk: Disk, is_outside_lost: bool) -> None:
    before = {id_: row for id_, row in catalog.rows.items() if row.path.startswith("/out/")}
    failed = {row.path: row for row in catalog.rows.values() if row.failure}
    catalog.execute(steps_for(catalog, disk, is_outside_lost=is_outside_lost))
    inside = {row.path: (id_, row) for id_, row in catalog.rows.items() if row.path.startswith("/in/")}
    assert inside.keys() == disk.keys()
    for path, (id_, row) in inside.items():
        assert (row.size, row.mtime) == disk[path][:2]
        assert row.failure or catalog.sidecars[id_] == row.sidecar == disk[path][2]  # its metadata is of the sidecar
        # its embedding is of its content, or the same file failed before and is not retried
        assert catalog.embedded[id_] == row.size or (row is failed.get(path) and row.failure not in RETRYABLE_FAILURES)
    for id_, row in before.items():  # items outside the source can only move into it
        assert catalog.rows[id_] is row or (is_outside_lost and catalog.rows[id_].path in disk)


@given(catalogs(), disks, st.booleans())
def test_a_second_plan_changes_nothing(catalog: Catalog, disk: Disk, is_outside_lost: bool) -> None:
    catalog.execute(steps_for(catalog, disk, is_outside_lost=is_outside_lost))
    assert all(isinstance(step, Unchanged) for step in steps_for(catalog, disk, is_outside_lost=is_outside_lost))


@given(catalogs(), disks, paths)
def test_only_the_items_of_an_unreadable_folder_are_kept(catalog: Catalog, disk: Disk, folder: str) -> None:
    kept = {id_: row for id_, row in catalog.rows.items() if row.path.startswith(f"{folder}/")}
    catalog.execute(steps_for(catalog, disk, unreadable=folder))
    rest = {path for path in disk if not path.startswith(f"{folder}/")}
    for id_, row in kept.items():  # unchanged, or moved to a readable folder
        assert catalog.rows[id_] is row or catalog.rows[id_].path in rest
    left = {row.path for row in catalog.rows.values() if row.path.startswith("/in/")}
    assert {path for path in left if not path.startswith(f"{folder}/")} == rest


@given(catalogs(), disks)
def test_a_removal_names_the_path_at_which_the_file_is_missing(catalog: Catalog, disk: Disk) -> None:
    missing = {
        id_: row.path for id_, row in catalog.rows.items() if row.path.startswith("/in/") and row.path not in disk
    }
    removals = [step for step in steps_for(catalog, disk) if isinstance(step, Removed)]
    assert {step.item_id: os.fsdecode(step.path) for step in removals} == missing
