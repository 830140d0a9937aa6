"""Import of a place with many parts: some parts in each transaction, so that a stopped import can continue."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from indexer.errors import TransferError
from indexer.storage import FolderPlace, MissingFileError, Place
from indexer.storage.ahead import map_ahead
from indexer.store import Store
from indexer.transfer.formats import MANIFEST
from indexer.transfer.import_items import BATCH, ExportContents, write_contents
from indexer.transfer.part_folders import part_names
from indexer.transfer.report import ImportReport
from indexer.types import Progress, ProgressCallback

_FETCHERS = 8
"""Parts that are fetched at once."""

OpenExport = Callable[[Path], ExportContents]
"""Returns the contents of an export after validating its files."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A part whose files are on this machine.

    Attributes:
        name: Name of its folder in the place.
        folder: Where its files are.
        is_copy: Whether they are deleted after the import.
    """

    name: str
    folder: Path
    is_copy: bool

    def delete_copy(self) -> None:
        """Delete the files if they are copies."""
        if self.is_copy:
            shutil.rmtree(self.folder, ignore_errors=True)


def import_parts(
    store: Store,
    place: Place,
    *,
    open_export: OpenExport,
    report: ImportReport,
    replace: bool,
    progress: ProgressCallback | None,
) -> None:
    """Import the complete parts of a place, and count the others in the report; the index is left as it is.

    Args:
        store: The library; its write lock must be held.
        place: The place.
        open_export: Opens one of the parts.
        report: Its counts are increased.
        replace: Whether to replace items that the library already has at the same path.
        progress: Called with the number of imported parts.

    Raises:
        EncoderMismatchError: A part has embeddings of another encoder than the library; parts before it are kept.
        TransferError: A part is damaged; parts before it are kept.
        StorageError: The place or the library cannot be used; committed work is kept.
    """
    names = part_names(place) or ([""] if place.exists(MANIFEST) else [])
    if not names:
        raise TransferError(
            f"{place.url} has no parts and no export; expected what recall index --into or recall export has written"
        )
    with ExitStack() as stack:
        copies = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recall-parts-")))
        fetched = stack.enter_context(closing(map_ahead(_fetcher(place, copies), names, threads=_FETCHERS)))
        group = _Group(store, place, report, replace)
        for done, (_, part) in enumerate(fetched, start=1):
            if part is None:
                report.incomplete += 1
            else:
                group.add(part, _opened(open_export, place, part))
            if progress:
                progress(Progress("importing parts", done, len(names)))
        group.write()


@dataclass(slots=True)
class _Group:
    """Parts that are committed together, so that a library is not flushed to disk for every hundred items."""

    store: Store
    place: Place
    report: ImportReport
    replace: bool
    parts: list[tuple[_Fetched, ExportContents]] = field(default_factory=list)

    def add(self, part: _Fetched, contents: ExportContents) -> None:
        """Add a part, after writing those before it if it does not fit into their transaction."""
        total = sum(others.total for _, others in self.parts) + contents.total
        if self.parts and (total > BATCH or _key(self.parts[0][1]) != _key(contents)):
            self.write()
        self.parts.append((part, contents))

    def write(self) -> None:
        """Write the parts, and delete the copies of their files."""
        if not self.parts:
            return
        contents = [contents for _, contents in self.parts]
        roots = {source["root"]: source for part in contents for source in part.sources}
        together = ExportContents(
            contents[0].encoders,
            list(roots.values()),
            sum(part.total for part in contents),
            lambda: itertools.chain.from_iterable(part.items() for part in contents),
            contents[0].knowledge if _key(contents[0])[1] else None,
        )
        before = self.report.sources
        with _naming(self.place, [part for part, _ in self.parts]):
            write_contents(self.store, together, self.report, replace=self.replace, progress=None)
        self.report.sources = list(dict.fromkeys([*before, *self.report.sources]))
        self.store.let_others_write()
        for part, _ in self.parts:
            part.delete_copy()
        self.parts = []


def _key(contents: ExportContents) -> tuple[object, object]:
    """Return what is equal for parts that can be written together; nothing equals an export with learnt words."""
    encoders = [(encoder.column, encoder.active, encoder.record["fingerprint"]) for encoder in contents.encoders]
    learnt = contents.knowledge if contents.knowledge is not None and contents.knowledge.files else None
    return encoders, learnt


def _fetcher(place: Place, copies: Path) -> Callable[[str], _Fetched | None]:
    """Return a function that brings the files of a part to this machine; None for a part without a manifest."""
    local = Path(place.url) if isinstance(place, FolderPlace) else None

    def fetch(name: str) -> _Fetched | None:
        if local is not None:
            return _Fetched(name, local / name, is_copy=False) if place.exists(f"{name}/{MANIFEST}") else None
        copy = copies / (name or "export")
        return _Fetched(name, copy, is_copy=True) if copy_export(place, name, copy) else None

    return fetch


def copy_export(place: Place, name: str, folder: Path) -> bool:
    """Copy the files of an export to a new folder of this machine; return False if it has no manifest.

    Args:
        place: The place.
        name: The export's folder in the place; "" for the place itself.
        folder: The new folder.

    Raises:
        StorageError: The place cannot be read.
    """
    prefix = f"{name}/" if name else ""
    try:
        manifest = place.read(prefix + MANIFEST)
    except MissingFileError:
        return False
    folder.mkdir()
    for entry in place.entries(name):
        file = entry.name[len(prefix) :]
        if not entry.is_folder and file != MANIFEST:
            (folder / file).write_bytes(place.read(entry.name))
    (folder / MANIFEST).write_bytes(manifest)
    return True


def _opened(open_export: OpenExport, place: Place, part: _Fetched) -> ExportContents:
    with _naming(place, [part]):
        return open_export(part.folder)


@contextmanager
def _naming(place: Place, parts: Sequence[_Fetched]) -> Iterator[None]:
    """Let errors name the files in the place, and not their copies."""
    try:
        yield
    except TransferError as error:
        text = str(error)
        for part in parts:
            text = text.replace(str(part.folder), place.location(part.name))
        raise TransferError(text) from error
