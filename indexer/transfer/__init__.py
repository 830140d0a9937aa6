"""A library out and in: Recall's own layout, which holds all of it, and clip-retrieval's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from indexer.encoders.base import Encoder
from indexer.errors import EncoderMismatchError, MissingPackageError, TransferError
from indexer.store import Store
from indexer.transfer.clip_retrieval.names import has_parts
from indexer.transfer.import_items import ImportReport, write
from indexer.transfer.manifest import MANIFEST
from indexer.transfer.report import ExportReport
from indexer.types import ProgressCallback

Form = Literal["recall", "clip-retrieval"]
"""How an export is laid out."""


def export_library(
    store: Store, target: Path, *, form: Form = "recall", progress: ProgressCallback | None = None
) -> ExportReport:
    """Write a library into a new folder and return what was written; see `Library.export`.

    Raises:
        TransferError: There is something at `target` already, it cannot be written, or there is nothing to write.
        MissingPackageError: pyarrow is not installed.
    """
    _need_pyarrow()
    told = progress or (lambda _: None)
    if form == "recall":
        from indexer.transfer import recall_format  # late: pyarrow takes a tenth of a second

        return recall_format.export(store, target, progress=told)
    from indexer.transfer.clip_retrieval import writer  # late, as above

    return writer.export(store, target, progress=told)


def import_folder(
    store: Store,
    folder: Path,
    *,
    roots: Mapping[str, str],
    load: Callable[[], Encoder] | None,
    replace: bool = False,
    progress: ProgressCallback | None = None,
) -> ImportReport:
    """Bring what another library or clip-retrieval wrote into a library, and return what was done.

    Args:
        store: The library; its write lock must be held.
        folder: The export.
        roots: Folders of the machine that it comes from, and where they lie here.
        load: Gives the encoder that somebody named; None where nobody did.
        replace: Whether items that the library has at the same path are replaced.
        progress: Told how far it has come.

    Raises:
        TransferError: The folder is no export, is damaged, or does not say which encoder made its vectors.
        EncoderMismatchError: The library holds embeddings of another encoder.
        MissingPackageError: pyarrow is not installed.
    """
    form = form_of(folder)
    _need_pyarrow()
    report = ImportReport()
    if form == "recall":
        from indexer.transfer import recall_format  # late: pyarrow takes a tenth of a second

        coming = recall_format.incoming(folder, roots)
        if load is not None:
            _check_named(load(), [each.record["fingerprint"] for each in coming.encoders if each.active])
    else:
        from indexer.transfer.clip_retrieval import reader  # late, as above

        encoder = _named(folder, load)
        with store.reading() as connection:
            coming = reader.incoming(folder, roots, encoder, report, connection)
    write(store, coming, report, replace=replace, progress=progress)
    return report


def form_of(folder: Path) -> Form:
    """Return how an export is laid out; only the names of its files are looked at.

    Raises:
        TransferError: It is none.
    """
    if not folder.is_dir():
        raise TransferError(f"{folder} is no folder; name one that recall export or clip-retrieval has written")
    if (folder / MANIFEST).is_file():
        return "recall"
    if has_parts(folder):
        return "clip-retrieval"
    raise TransferError(
        f"{folder} has no {MANIFEST} and no img_emb_0.npy: it is no export of Recall, or one that was interrupted, and "
        "none of clip-retrieval"
    )


def _named(folder: Path, load: Callable[[], Encoder] | None) -> Encoder:
    if load is None:
        raise TransferError(
            f"{folder} does not say which encoder made its vectors; name it, for instance: recall import {folder} "
            "--encoder ViT-B-32/laion2b_s34b_b79k"
        )
    return load()


def _check_named(encoder: Encoder, fingerprints: list[str]) -> None:
    if fingerprints and encoder.fingerprint not in fingerprints:
        raise EncoderMismatchError(
            f"the export was made with another encoder than {encoder.name!r} (fingerprint {fingerprints[0][:8]}, not "
            f"{encoder.fingerprint[:8]}); leave out --encoder"
        )


def _need_pyarrow() -> None:
    if find_spec("pyarrow") is None:
        raise MissingPackageError(
            "exports need pyarrow, which is not installed; run: pip install 'recall-photos[tables]'"
        )
