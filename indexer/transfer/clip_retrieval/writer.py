"""Writes clip-retrieval's format: numbered files of image embeddings, text embeddings and metadata, row by row.

The files are those of `clip-retrieval inference` (its writer.py): `img_emb/img_emb_0.npy`, `text_emb/text_emb_0.npy`
and `metadata/metadata_0.parquet` with the columns image_path and caption. All numbers have the digits of the last one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from sqlalchemy import Column, LargeBinary, String

from indexer.catalog.column_types import PathBytes
from indexer.catalog.schema import ITEMS
from indexer.catalog.statements.captioned_photos import CaptionedPhoto, captioned_photos, count_photos
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.catalog.statements.knowledge import count_knowledge
from indexer.errors import TransferError
from indexer.store import Store
from indexer.transfer.added_items import OF_ADDED_ITEMS
from indexer.transfer.atomic_folder import new_folder, write_errors
from indexer.transfer.parquet import Layout, TableWriter
from indexer.transfer.report import ExportReport
from indexer.types import Progress, ProgressCallback, collection_of

logger = logging.getLogger(__name__)

PART = 1_000_000
"""Rows per file, as clip-retrieval writes them."""

_ITEM_COLUMNS = [
    column
    for column in ITEMS.c
    if column.name not in {"id", "source_id", *OF_ADDED_ITEMS} and not isinstance(column.type, PathBytes | LargeBinary)
]
"""Columns of a photo that the metadata include in addition to its path: all that do not hold bytes."""

METADATA = Layout([Column("image_path", String), Column("caption", String), *_ITEM_COLUMNS], vectors={})


def write_export(store: Store, target: Path, *, progress: ProgressCallback) -> ExportReport:
    """Write the photos of a library with their embeddings to a new folder, and return a report.

    Photos without an embedding, documents and added items without a file, which the format cannot represent, and paths
    that are not valid UTF-8 are left out. An added item whose picture is a file is exported as a photo of that file,
    without id, URI and metadata. Text embeddings are written only if every photo has one, since the rows of all files
    must correspond.

    Raises:
        TransferError: `target` exists already or cannot be written, or there is nothing to export.
    """
    encoder = store.encoder
    if encoder is None:
        raise TransferError(f"{store.name} has no embeddings; run: recall index FOLDER")
    report = ExportReport(target)
    with new_folder(target) as folder, store.reading() as connection, write_errors(target):
        counts = count_photos(connection, encoder)
        photos = (photo for photo in captioned_photos(connection, encoder) if _is_utf8(_file(photo)))
        digits = len(str(max(0, counts.photos - 1) // PART))
        for number, first in enumerate(photos):
            _write_part(
                folder,
                f"{number:0{digits}}",
                chain([first], islice(photos, PART - 1)),
                dim=encoder.dim,
                with_text=counts.with_text == counts.photos,
                report=report,
                count=lambda: progress(Progress("exporting", report.items, counts.photos)),
            )
        report.skipped = counts.items - report.items
        report.left_out = count_knowledge(connection)
        report.bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        if not report.items:
            raise TransferError(f"{store.name} has no photo that can be exported in clip-retrieval's format")
    if 0 < counts.with_text < counts.photos:
        logger.warning(
            "only %d of %d photos have a text: texts were written without embeddings", counts.with_text, counts.photos
        )
    if report.skipped:
        logger.warning(
            "items left out: %d (documents, failures, paths that are not UTF-8, added items without a file); "
            "Recall's own format includes them",
            report.skipped,
        )
    return report


def _write_part(
    folder: Path,
    number: str,
    photos: Iterator[CaptionedPhoto],
    *,
    dim: int,
    with_text: bool,
    report: ExportReport,
    count: Callable[[], None],
) -> None:
    for name in ("img_emb", "text_emb", "metadata")[:: 1 if with_text else 2]:
        (folder / name).mkdir(exist_ok=True)
    with ExitStack() as stack:
        metadata = stack.enter_context(TableWriter(folder / "metadata" / f"metadata_{number}.parquet", METADATA))
        images = _ArrayWriter(stack, folder / "img_emb" / f"img_emb_{number}.npy", dim)
        texts = _ArrayWriter(stack, folder / "text_emb" / f"text_emb_{number}.npy", dim) if with_text else None
        for photo in photos:
            if texts is not None and photo.text is None:
                continue  # its text embedding is damaged: the rows of the files must correspond
            columns = {column.name: photo.item[column.name] for column in _ITEM_COLUMNS}
            metadata.add(columns | {"image_path": _file(photo), "caption": photo.caption})
            images.add(photo.image)
            if texts is not None and photo.text is not None:
                texts.add(photo.text)
            report.items += 1
            report.vectors += 1 if texts is None else 2
            count()
        images.finish()
        if texts is not None:
            texts.finish()


class _ArrayWriter:
    """Writes rows of float16 to an .npy file one by one; `finish` writes their number."""

    def __init__(self, stack: ExitStack, file: Path, dim: int) -> None:
        self._file: BinaryIO = stack.enter_context(file.open("wb"))
        self._dim = dim
        self._count = 0
        self._start = self._write_header()

    def add(self, vector: bytes) -> None:
        """Add a row."""
        self._file.write(vector)
        self._count += 1

    def finish(self) -> None:
        """Write the number of rows to the header, where NumPy leaves room for it."""
        self._file.seek(0)
        if self._write_header() != self._start:
            raise RuntimeError("NumPy's header is longer than the room that was left for it")

    def _write_header(self) -> int:
        header = {"descr": VECTOR_DTYPE.str, "fortran_order": False, "shape": (self._count, self._dim)}
        np.lib.format.write_array_header_1_0(self._file, header)
        return self._file.tell()


def _file(photo: CaptionedPhoto) -> str:
    """Return what names a photo in the export: its path, of an added item that of its picture."""
    path: str = photo.item["path"]
    return photo.item["picture"] or path if collection_of(path) is not None else path


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
