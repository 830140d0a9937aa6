"""Methods of `Library` that export and import it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer import transfer
from indexer.errors import TransferError
from indexer.storage.url import is_url
from indexer.store.library_encoder import LibraryEncoder
from indexer.transfer import DEFAULT_FORMAT, ExportFormat, check_format
from indexer.transfer.importers import load_importer
from indexer.types import ProgressCallback
from retrieval.library.base import BaseLibrary

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.transfer.knowledge import Checks
    from indexer.transfer.report import ExportReport, ImportReport


def export(
    self: BaseLibrary,
    path: str | os.PathLike[str],
    *,
    format: ExportFormat = DEFAULT_FORMAT,
    progress: ProgressCallback | None = None,
) -> ExportReport:
    """Write the library, as it is at this moment, to a new folder and return a report.

    Args:
        path: A folder that does not exist yet; it appears when the export is complete, and not before.
        format: "recall" (a whole library as Parquet, for a backup or another machine; the default) or
            "clip-retrieval" (photos, captions and embeddings, for other programs).
        progress: Called with the progress.

    Raises:
        TransferError: `path` exists already or cannot be written, or there is nothing to export.
        MissingPackageError: pyarrow is not installed.
    """
    return transfer.export_library(self._store, Path(path).expanduser(), format=format, progress=progress)


def import_(
    self: BaseLibrary,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    roots: Mapping[str, str] | None = None,
    encoder: str | Encoder | None = None,
    replace: bool = False,
    progress: ProgressCallback | None = None,
) -> ImportReport:
    """Import an export of Recall, of clip-retrieval or of what a package can read, and return a report.

    The photos need not be on this machine.

    Of a place with parts, each part is an export; those that are not complete yet are counted and left out.

    Private words, judgements, adapters and the requirements for the index come with an export of Recall. The library
    keeps what it knows already. Items are committed in batches. A run that was stopped continues where it left off when
    it is started again.

    Args:
        path: The folder, a place with the parts that `embed_parts` wrote, or what an importer of an installed package
            reads. An object store is named by its URL, s3://BUCKET/PREFIX.
        format: "recall", "clip-retrieval" or the name of an importer; None detects which of the first two it is.
        roots: Folders on the machine of the export, and the same folders on this machine; "" stands for the folder
            that relative paths start from.
        encoder: The encoder that made the vectors. Files of clip-retrieval do not name it, so it is required for them.
        replace: Whether to replace items that the library already has at the same path; otherwise they are kept.
        progress: Called with the progress.

    Raises:
        TransferError: The folder is not an export or has another format, is damaged, or does not name the encoder of
            its vectors; or the importer fails.
        EncoderMismatchError: The library has embeddings of another encoder.
        LibraryLockedError: Another process is writing to the library.
        StorageError: The object store cannot be used, or the disk is full; committed work is kept.
        MissingPackageError: pyarrow is not installed.
    """
    source = os.fspath(path) if is_url(os.fspath(path)) else Path(path).expanduser()
    importer = None if format is None else load_importer(format)
    if importer is not None:
        if encoder is not None:
            raise TransferError(f"the format {format!r} takes no encoder; leave it out")
        return importer(self, source, roots=roots or {}, replace=replace, progress=progress)
    if isinstance(source, Path):
        check_format(source, format)
    load = None
    if encoder is not None:
        load = LibraryEncoder(self._store, self._settings, encoder=encoder, precision=None).for_indexing
    with self._store.writing("importing", is_run=True):
        return transfer.import_folder(
            self._store,
            source,
            roots=roots or {},
            load=load,
            checks=_checks(),
            replace=replace,
            progress=progress,
        )


def _checks() -> Checks:
    """Return what a library can use of the words, queries and tuning reports of an export, which anyone may write."""
    from indexer.transfer.knowledge import Checks  # late, like the others: searching needs none of them
    from retrieval.feedback import query_from_parts, query_key, query_parts
    from retrieval.query.private_words import validate
    from retrieval.tuning.report import TuningReport

    def query(parts: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        stored = query_parts(query_from_parts(parts))
        return query_key(stored), stored

    def report(receipt: dict[str, Any]) -> object:
        checked = TuningReport.from_dict(receipt)
        return str(checked), checked.line(is_active=True), checked.to_dict()

    return Checks(validate, query, report)
