"""What keeps a library in step with what it is about."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.catalog.statements import counts, sources
from indexer.catalog.statements.counts import Failure
from indexer.errors import ConfigError, SourceError
from indexer.maintenance.status import Status, read_status
from indexer.store.library_encoder import LibraryEncoder
from indexer.types import ProgressCallback
from retrieval.library.base import BaseLibrary

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.maintenance.check import Problem
    from indexer.sync.report import SyncReport
    from indexer.transfer import Form
    from indexer.transfer.import_items import ImportReport
    from indexer.transfer.report import ExportReport
    from indexer.vectors.measurements import IndexChoice

logger = logging.getLogger(__name__)


class Keeping(BaseLibrary):
    """The part of a `Library` that fills and looks after it."""

    def sync(
        self,
        *paths: str | os.PathLike[str],
        exclude: Sequence[str] | None = None,
        include_hidden: bool | None = None,
        text_columns: Sequence[str] = (),
        image_column: str | None = None,
        id_column: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> SyncReport:
        """Bring the library in step with folders, files and tables, and return what was done.

        In a folder photos and texts (.txt, .md) are found; a table (.csv, .jsonl, .parquet) is indexed when it is named
        itself, each row as one item.

        New and changed photos are encoded, moved ones keep their embeddings, deleted ones leave the answers. A run
        that is stopped goes on where it was with the next one. A file that cannot be read is recorded with its
        reason, and stops nothing. After that, embeddings that `use_encoder` mapped are made anew, and where it is due
        an index is chosen, see `optimize`.

        Args:
            *paths: Folders and files; none means everything that was indexed before.
            exclude: Patterns such as "*.png" or "2019/*" for names and paths below the folder to leave out; they are
                remembered. None keeps what the folder had before.
            include_hidden: Whether to walk names that begin with a dot, remembered too.
            text_columns: Of a table the columns with text; they are remembered, as the two that follow.
            image_column: Of a table the column with paths of pictures, which have to lie in the table's folder.
            id_column: Of a table the column that tells rows apart, also when they move; None takes a row's number.
            progress: Called with how far it has come.

        Raises:
            SourceError: A path is missing or cannot be read; the others were synced first.
            NoPhotosError: A path holds no readable photo or text; nothing known was removed, and the others were
                synced first.
            MissingPackageError: A table is Parquet, and pyarrow is not installed.
            LibraryLockedError: Another process is writing to the library.
            StorageError: The disk is full or read-only; what was committed is kept.
        """
        from indexer.documents.table import Columns  # late, as the next
        from retrieval.library.optimize import renew_index
        from retrieval.library.sync import sync_and_recode  # late: what decodes and encodes is not needed for searching

        if isinstance(text_columns, str):
            raise TypeError(f"text_columns is the string {text_columns!r}; expected a sequence of strings")
        columns = Columns(tuple(text_columns), image_column, id_column)
        with self._store.writing("indexing"):
            report = sync_and_recode(
                self._store,
                paths,
                load=self._encoder.by_settings,
                settings=self._settings,
                exclude=exclude,
                include_hidden=include_hidden,
                columns=columns if columns.used else None,
                progress=progress,
            )
            report.chosen = renew_index(self._store, self._encoder.for_query, progress=progress)
            self._store.vacuum(progress)
        return report

    def optimize(
        self, *, recall: float = 0.99, memory: int | None = None, progress: ProgressCallback | None = None
    ) -> IndexChoice:
        """Return the index that was chosen by measurement, after putting it to use.

        Each kind of index is built from the library's own vectors and measured with words and photos as queries. Chosen
        is the one that answers soonest of those that find enough in the memory there is. `sync` does the same by itself
        for a library of 100,000 units or more, and again when a tenth of it has changed; it asks for what was asked for
        here. Searches go on meanwhile.

        Args:
            recall: The part of the ten best by exact search that has to be found, above 0 and at most 1; 1 is exact
                search.
            memory: Bytes that the index may take in memory at most; None for no limit.
            progress: Called with how far it has come.

        Raises:
            ConfigError: No index is what was asked for, or a number is out of range.
            LibraryError: The library holds nothing yet.
            LibraryLockedError: Another process is writing to the library.
            StorageError: The disk is full or read-only; what was searched with before still is.
        """
        from indexer.vectors.measurements import IndexTarget  # late, as the next
        from retrieval.library.optimize import choose_index

        if not 0 < recall <= 1:
            raise ConfigError(f"a recall of {recall:g} was asked for; expected more than 0 and at most 1, such as 0.99")
        if memory is not None and memory < 1:
            raise ConfigError(f"{memory} bytes of memory were allowed; expected at least 1, or none for no limit")
        self._need_photos()
        with self._store.writing("choosing an index"):
            return choose_index(
                self._store, self._encoder.for_query, asked=IndexTarget(float(recall), memory), progress=progress
            )

    def forget(self, path: str | os.PathLike[str], *, progress: ProgressCallback | None = None) -> int:
        """Take a file or folder out of the library and return how many items that were; the files stay.

        It is done some thousand items at a time: a run that is stopped goes on where it was with the next one.

        Args:
            path: A file or folder.
            progress: Called with how far it has come.

        Raises:
            SourceError: The library knows nothing at this path.
            LibraryLockedError: Another process is writing to the library.
        """
        from indexer.maintenance.forget import forget  # late: no other command needs it

        with self._store.writing("forgetting"):
            with self._store.reading() as connection:
                place = sources.canonical_path(connection, path)
                is_source = any(source.root == place for source in sources.sources(connection))
                if not is_source and not counts.has_items(connection, place):
                    raise SourceError(f"the library knows nothing at {place}; run: recall status")
            return forget(self._store, place, progress=progress)

    def status(self) -> Status:
        """Return what the library holds; the encoder is not loaded."""
        return read_status(self._store)

    def failures(self) -> list[Failure]:
        """Return every file that could not be indexed with its reason, by path."""
        with self._store.reading() as connection:
            return list(counts.failures(connection))

    def check(self, *, repair: bool = False, progress: ProgressCallback | None = None) -> list[Problem]:
        """Return where catalog, index and disk disagree, after mending what can be derived if asked to.

        Args:
            repair: Rebuild the index, and drop items without a usable embedding, which the next sync encodes again.
            progress: Called with how far it has come.

        Raises:
            LibraryLockedError: Another process is writing to the library, and `repair` is set.
        """
        from indexer.maintenance import check as checks  # late: no other command needs it

        if repair:
            with self._store.writing("repairing"):
                dropped = checks.repair(self._store, progress=progress)
            if dropped:
                logger.info("%d items were dropped; run: recall index, to encode them again", dropped)
        return list(checks.check(self._store, progress=progress))

    def export(
        self, path: str | os.PathLike[str], *, form: Form = "recall", progress: ProgressCallback | None = None
    ) -> ExportReport:
        """Write the library into a new folder, as it is at this moment, and return what was written.

        Args:
            path: A folder that does not exist yet; it is there when it is whole, and not before.
            form: "recall" holds all of a library; "clip-retrieval" photos, captions and embeddings for other programs.
            progress: Called with how far it has come.

        Raises:
            TransferError: There is something at `path` already, it cannot be written, or there is nothing to write.
            MissingPackageError: pyarrow is not installed.
        """
        from indexer import transfer  # late: no other command needs it

        return transfer.export_library(self._store, Path(path).expanduser(), form=form, progress=progress)

    def import_(
        self,
        path: str | os.PathLike[str],
        *,
        roots: Mapping[str, str] | None = None,
        encoder: str | Encoder | None = None,
        replace: bool = False,
        progress: ProgressCallback | None = None,
    ) -> ImportReport:
        """Bring in what `export` or clip-retrieval wrote, and return what was done; the photos need not be here.

        It is committed in batches: a run that is stopped goes on where it was with the next one.

        Args:
            path: The folder; which of the two it is shows by itself.
            roots: Folders of the machine that it comes from, and where they lie here; "" stands for the folder that
                relative paths begin at.
            encoder: The encoder that made the vectors. clip-retrieval's files do not say it, so that it must be named.
            replace: Whether items that the library has at the same path are replaced; otherwise they stay as they are.
            progress: Called with how far it has come.

        Raises:
            TransferError: The folder is no export, is damaged, or holds vectors of an encoder that nobody named.
            EncoderMismatchError: The library holds embeddings of another encoder.
            LibraryLockedError: Another process is writing to the library.
            MissingPackageError: pyarrow is not installed.
        """
        from indexer import transfer  # late, as above

        load = None
        if encoder is not None:
            load = LibraryEncoder(self._store, self._settings, asked=encoder, precision=None).by_settings
        with self._store.writing("importing"):
            return transfer.import_folder(
                self._store,
                Path(path).expanduser(),
                roots=roots or {},
                load=load,
                replace=replace,
                progress=progress,
            )
