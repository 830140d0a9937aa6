"""Import of a place with many parts: some parts in each transaction, so that a stopped import can continue."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from indexer.errors import TransferError
from indexer.storage import FolderPlace, MissingFileError, Place
from indexer.storage.ahead import map_ahead
from indexer.store import Store
from indexer.transfer.formats import MANIFEST
from indexer.transfer.import_items import BATCH, ExportContents, write_contents
from indexer.transfer.part_folders import part_names
from indexer.transfer.present_parts import PATHS_FILE, PresentPart
from indexer.transfer.report import ImportReport
from indexer.types import Progress, ProgressCallback

_FETCHERS = 8
"""Parts that are fetched at once."""

OpenExport = Callable[[Path], ExportContents]
"""Returns the contents of an export after validating its files."""

FindPresent = Callable[[Path], PresentPart | None]
"""Returns a part that is wholly in the library, given a folder with its manifest and its list of paths."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A part whose files are on this machine.

    Attributes:
        name: Name of its folder in the place.
        folder: Where its files are.
        is_copy: Whether they are deleted after the import.
        present: Its items, if the library has all of them; then its other files were not fetched.
    """

    name: str
    folder: Path
    is_copy: bool
    present: PresentPart | None = None

    def delete_copy(self) -> None:
        """Delete the files if they are copies."""
        if self.is_copy:
            shutil.rmtree(self.folder, ignore_errors=True)


def import_parts(
    store: Store,
    place: Place,
    *,
    open_export: OpenExport,
    find_present: FindPresent,
    report: ImportReport,
    replace: bool,
    progress: ProgressCallback | None,
) -> None:
    """Import the complete parts of a place, and count the others in the report; the index is left as it is.

    Args:
        store: The library; its write lock must be held.
        place: The place.
        open_export: Opens one of the parts.
        find_present: Finds parts to be passed over; an import that replaces items, or is the first, reads all.
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
        find = None if replace or store.encoder is None else find_present
        fetched = stack.enter_context(closing(map_ahead(_fetcher(place, copies, find), names, threads=_FETCHERS)))
        group = _Group(store, place, report, replace)
        for done, (_, part) in enumerate(fetched, start=1):
            if part is None:
                report.incomplete += 1
            elif part.present is not None:
                report.existing += part.present.total
                report.sources = list(dict.fromkeys([*report.sources, *part.present.roots]))
                part.delete_copy()
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


def _fetcher(place: Place, copies: Path, find_present: FindPresent | None) -> Callable[[str], _Fetched | None]:
    """Return a function that brings the files of a part to this machine; None for a part without a manifest.

    Of a part that is wholly in the library it brings only those that tell so.
    """

    def present(part: _Fetched) -> _Fetched | None:
        """Return a part if `find_present` finds it."""
        with _naming(place, [part]):
            found = None if find_present is None else find_present(part.folder)
        return None if found is None else _Fetched(part.name, part.folder, part.is_copy, found)

    def fetch_local(name: str) -> _Fetched | None:
        part = _Fetched(name, Path(place.url) / name, is_copy=False)
        return (present(part) or part) if place.exists(f"{name}/{MANIFEST}") else None

    def fetch_copy(name: str) -> _Fetched | None:
        part = _Fetched(name, copies / (name or "export"), is_copy=True)
        try:
            _copy_files(place, part, [MANIFEST])
        except MissingFileError:
            return None
        if find_present is not None:
            with suppress(MissingFileError):  # `find_present` says that it is missing
                _copy_files(place, part, [PATHS_FILE])
        if (found := present(part)) is not None:
            return found
        start = len(name) + 1 if name else 0
        files = [entry.name[start:] for entry in place.entries(name) if not entry.is_folder]
        _copy_files(place, part, [file for file in files if not (part.folder / file).exists()])
        return part

    return fetch_local if isinstance(place, FolderPlace) else fetch_copy


def _copy_files(place: Place, part: _Fetched, names: Sequence[str]) -> None:
    """Copy files of a part to its folder on this machine.

    Raises:
        MissingFileError: One of them is not there.
        StorageError: The place cannot be read.
    """
    part.folder.mkdir(exist_ok=True)
    for name in names:
        (part.folder / name).write_bytes(place.read(f"{part.name}/{name}" if part.name else name))


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
