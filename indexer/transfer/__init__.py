"""Exports a library to a folder and imports one.

From outside call `export_library`, `import_folder` and `check_format`. `EXPORT_FORMATS` describes the formats, and
`importers` finds those of installed packages. Importing this package loads neither the database library nor pyarrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import EncoderMismatchError, MissingPackageError, TransferError
from indexer.transfer.formats import DEFAULT_FORMAT, EXPORT_FORMATS, ExportFormat, check_format, detect_format

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.store import Store
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
]


def export_library(
    store: Store, target: Path, *, format: ExportFormat = DEFAULT_FORMAT, progress: ProgressCallback | None = None
) -> ExportReport:
    """Write a library to a new folder and return a report; see `Library.export`.

    Raises:
        TransferError: `target` exists already or cannot be written, or there is nothing to export.
        MissingPackageError: pyarrow is not installed.
    """
    _require_pyarrow()
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
    folder: Path,
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
        folder: The export.
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
    format = detect_format(folder)
    _require_pyarrow()
    from indexer.transfer.import_items import import_contents  # late, like the next two
    from indexer.transfer.report import ImportReport

    report = ImportReport()
    if format == "recall":
        from indexer.transfer import recall_format

        contents = recall_format.open_export(folder, roots, checks)
        if load is not None:
            active = [encoder.record["fingerprint"] for encoder in contents.encoders if encoder.active]
            _check_encoder(load(), active)
    else:
        from indexer.transfer.clip_retrieval import reader

        encoder = _named_encoder(folder, load)
        with store.reading() as connection:
            contents = reader.open_export(folder, roots, encoder, report, connection)
    import_contents(store, contents, report, replace=replace, progress=progress)
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


def _require_pyarrow() -> None:
    if find_spec("pyarrow") is None:
        raise MissingPackageError(
            "exports need pyarrow, which is not installed; run: pip install 'recall-photos[tables]'"
        )
