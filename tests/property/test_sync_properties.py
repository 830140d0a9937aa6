"""After any changes to a folder, a sync makes the library equal to a new library of the folder."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from indexer.config import Settings
from retrieval import Library
from tests.support.color_photos import PALETTE, advance_mtime, paint
from tests.support.contents import contents
from tests.support.encoders import FakeEncoder

names = st.sampled_from(["a.png", "b.png", "sub/a.png", "sub/c.png", "sub.png", "z/deep/a.png"])
folders = st.sampled_from(["sub", "z", "new"])
colors = st.sampled_from(PALETTE[:3])  # few colors, so copies are common


class FolderUnderSync(RuleBasedStateMachine):
    """A folder that is changed in all ways between syncs."""

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp())
        self.folder = self.base / "pictures"
        self.folder.mkdir()
        self.encoder = FakeEncoder()
        self.library = self.open("synced", self.encoder)
        self.clock = 0
        paint(self.folder / "always.png", "white", note="so that the folder is never empty")

    def open(self, name: str, encoder: FakeEncoder) -> Library:
        return Library(Settings(library=self.base / f"{name}.recall", workers=1), encoder=encoder)

    def photos(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*.png") if path.name != "always.png")

    def any_photo(self, data: st.DataObject) -> Path:
        return data.draw(st.sampled_from(self.photos()))

    @rule(name=names, color=colors)
    def write(self, name: str, color: str) -> None:
        """Write a new photo or replace one; files of one color are equal."""
        path = paint(self.folder / name, color, note="")
        self.clock += 1
        advance_mtime(path, self.clock)

    @precondition(lambda self: self.photos())
    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        advance_mtime(self.any_photo(data))

    @precondition(lambda self: self.photos())
    @rule(data=st.data())
    def damage(self, data: st.DataObject) -> None:
        path = self.any_photo(data)
        path.write_bytes(path.read_bytes()[:30])
        self.clock += 1
        advance_mtime(path, self.clock)

    @precondition(lambda self: self.photos())
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.any_photo(data).unlink()

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), name=names)
    def move(self, data: st.DataObject, name: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        self.any_photo(data).replace(self.folder / name)

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), name=names)
    def copy(self, data: st.DataObject, name: str) -> None:
        path = self.any_photo(data)
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        if path != self.folder / name:
            shutil.copy2(path, self.folder / name)

    @rule(old=folders, new=folders)
    def rename_folder(self, old: str, new: str) -> None:
        if (self.folder / old).is_dir() and not (self.folder / new).exists():
            (self.folder / old).rename(self.folder / new)

    @rule()
    def sync(self) -> None:
        self.library.sync(self.folder)
        encoded = len(self.encoder.pictures)
        second = self.library.sync(self.folder)
        assert (second.added, second.changed, second.moved, second.removed) == (0, 0, 0, 0)
        assert len(self.encoder.pictures) == encoded
        assert contents(self.library.path) == self.expected()
        assert self.library.check() == []
        indexed = sum(row[4] is not None for row in contents(self.library.path))
        assert len(self.library.search("red", k=100)) == indexed

    def expected(self) -> list[tuple[Any, ...]]:
        """Return the contents of a new library of the folder."""
        with self.open("new", FakeEncoder(batch_size=3)) as library:
            library.sync(self.folder)
            expected = contents(library.path)
        shutil.rmtree(library.path)
        return expected

    @invariant()
    def every_photo_is_found(self) -> None:
        if self.library.status().photos:
            assert len(self.library.search("red", k=100)) == self.library.status().photos

    def teardown(self) -> None:
        self.library.close()
        shutil.rmtree(self.base)


TestFolderUnderSync = FolderUnderSync.TestCase
TestFolderUnderSync.settings = settings(
    max_examples=4, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
