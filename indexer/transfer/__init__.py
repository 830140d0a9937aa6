"""Exports a library to a folder and imports one.

From outside call `export_library`, `import_folder` and `check_format`. `EXPORT_FORMATS` describes the formats, and
`importers` finds those of installed packages. Importing this package loads neither the database library nor pyarrow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import EncoderMismatchError, MissingPackageError, TransferError
from indexer.transfer.formats import (
    DEFAULT_FORMAT,
    EXPORT_FORMATS,
    ExportFormat,
    check_format,
    detect_format,
    has_parts,
)

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.store import Store
    from indexer.transfer.import_items import ExportContents
    from indexer.transfer.knowledge import Checks
    from indexer.transfer.report import ExportReport, ImportReport
    from indexer.types import ProgressCallback

__all__ = [
    "DEFAULT_FORMAT",
    "EXPORT_FORMATS",
    "ExportFormat",
    "check_format",
    "detect_format",
    "export_library",
    "import_folder",
    "require_pyarrow",
]


def export_library(
    store: Store, target: Path, *, format: ExportFormat = DEFAULT_FORMAT, progress: ProgressCallback | None = None
) -> ExportReport:
    """Write a library to a new folder and return a report; see `Library.export`.

    Raises:
        TransferError: `target` exists already or cannot be written, or there is nothing to export.
        MissingPackageError: pyarrow is not installed.
    """
    require_pyarrow()
    report_progress = progress or (lambda _: None)
    if format == "recall":
        from indexer.transfer import recall_format  # late: pyarrow takes a tenth of a second

        return recall_format.write_export(store, target, progress=report_progress)
    if format == "clip-retrieval":
        from indexer.transfer.clip_retrieval import writer  # late, as above

        return writer.write_export(store, target, progress=report_progress)
    raise ValueError(f"the format is {format!r}; expected one of {', '.join(entry.name for entry in EXPORT_FORMATS)}")


def import_folder(
    store: Store,
    folder: Path | str,
    *,
    roots: Mapping[str, str],
    load: Callable[[], Encoder] | None,
    checks: Checks,
    replace: bool = False,
    progress: ProgressCallback | None = None,
) -> ImportReport:
    """Import an export of Recall or of clip-retrieval into a library, and return a report.

    Args:
        store: The library; its write lock must be held.
        folder: The export, or a place with parts; an object store is named by its URL.
        roots: Folders on the machine of the export, and the same folders on this machine.
        load: Returns the encoder that the user named; None if no encoder was named.
        checks: What the library can use of words, judgements and versions.
        replace: Whether to replace items that the library already has at the same path.
        progress: Called with the progress.

    Raises:
        TransferError: The folder is not an export, is damaged, or does not name the encoder of its vectors.
        EncoderMismatchError: The library has embeddings of another encoder.
        MissingPackageError: pyarrow is not installed.
    """
    require_pyarrow()
    if isinstance(folder, str) or (folder.is_dir() and has_parts(folder)):
        return _import_place(store, folder, roots, load, checks, replace=replace, progress=progress)
    format = detect_format(folder)
    from indexer.transfer.import_items import import_contents  # late, like the next two
    from indexer.transfer.report import ImportReport

    report = ImportReport()
    if format == "recall":
        contents = _open_export(folder, roots, checks, load)
    else:
        from indexer.transfer.clip_retrieval import reader

        encoder = _named_encoder(folder, load)
        with store.reading() as connection:
            contents = reader.open_export(folder, roots, encoder, report, connection)
    import_contents(store, contents, report, replace=replace, progress=progress)
    return report


def _open_export(
    folder: Path, roots: Mapping[str, str], checks: Checks, load: Callable[[], Encoder] | None
) -> ExportContents:
    """Return the contents of an export of Recall, after comparing its encoder with one that the user named."""
    from indexer.transfer import recall_format  # late, as above

    contents = recall_format.open_export(folder, roots, checks)
    if load is not None:
        active = [encoder.record["fingerprint"] for encoder in contents.encoders if encoder.active]
        _check_encoder(load(), active)
    return contents


def _import_place(
    store: Store,
    folder: Path | str,
    roots: Mapping[str, str],
    load: Callable[[], Encoder] | None,
    checks: Checks,
    *,
    replace: bool,
    progress: ProgressCallback | None,
) -> ImportReport:
    """Import all parts of a place, or the only export in an object store."""
    start = time.perf_counter()
    from indexer.storage import open_place  # late, like the next three
    from indexer.transfer.import_parts import import_parts
    from indexer.transfer.present_parts import present_part
    from indexer.transfer.report import ImportReport

    place, report = open_place(folder), ImportReport()
    import_parts(
        store,
        place,
        open_export=lambda part: _open_export(part, roots, checks, load),
        find_present=lambda part: present_part(store, part, roots),
        report=report,
        replace=replace,
        progress=progress,
    )
    if store.encoder is not None:
        store.index(save=True, progress=progress)
    report.total_seconds = time.perf_counter() - start
    return report


def _named_encoder(folder: Path, load: Callable[[], Encoder] | None) -> Encoder:
    if load is None:
        raise TransferError(
            f"{folder} does not say which encoder made its vectors; name it, for instance: recall import {folder} "
            "--encoder ViT-B-32/laion2b_s34b_b79k"
        )
    return load()


def _check_encoder(encoder: Encoder, fingerprints: list[str]) -> None:
    if fingerprints and encoder.fingerprint not in fingerprints:
        raise EncoderMismatchError(
            f"the export was made with another encoder than {encoder.name!r} (fingerprint {fingerprints[0][:8]}, not "
            f"{encoder.fingerprint[:8]}); leave out --encoder"
        )


def require_pyarrow() -> None:
    """Raise MissingPackageError if pyarrow, which reads and writes exports, is not installed."""
    if find_spec("pyarrow") is None:
        raise MissingPackageError(
            "exports need pyarrow, which is not installed; run: pip install 'recall-photos[tables]'"
        )
