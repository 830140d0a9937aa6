"""Writes clip-retrieval's layout: numbered parts of image embeddings, text embeddings and metadata, row by row.

As `clip-retrieval inference` writes it (its writer.py): `img_emb/img_emb_0.npy`, `text_emb/text_emb_0.npy` and
`metadata/metadata_0.parquet` with the columns image_path and caption; numbers have as many digits as the last one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from sqlalchemy import Column, LargeBinary, String, func, select

from indexer.catalog.schema import EMBEDDINGS, ITEMS, UNITS, PathBytes
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.items import PAGE_SIZE, VECTOR_DTYPE
from indexer.errors import TransferError
from indexer.store import Store
from indexer.transfer.atomic_folder import new_folder, write_errors
from indexer.transfer.parquet import Layout, TableWriter
from indexer.transfer.report import ExportReport
from indexer.types import Modality, Progress, ProgressCallback

logger = logging.getLogger(__name__)

PART = 1_000_000
"""Rows of a part, as clip-retrieval writes them."""

FACTS = [
    column
    for column in ITEMS.c
    if column.name not in {"id", "source_id"} and not isinstance(column.type, PathBytes | LargeBinary)
]
"""What the metadata say of a photo beside its path: all that the catalog knows and that is no bytes."""

METADATA = Layout([Column("image_path", String), Column("caption", String), *FACTS], vectors={})


@dataclass(frozen=True, slots=True)
class _Sample:
    """One row: a photo, and the first text that belongs to it."""

    facts: dict[str, Any]
    image: bytes
    text: bytes | None


def export(store: Store, target: Path, *, progress: ProgressCallback) -> ExportReport:
    """Write the photos of a library with their embeddings into a new folder, and return what was written.

    Photos without an embedding are left out, and documents, which this layout has no place for; so are paths that are
    no valid UTF-8. Captions get embeddings where every photo has one: the rows of all files belong together.

    Raises:
        TransferError: There is something at `target` already, it cannot be written, or there is nothing to write.
    """
    known = store.encoder
    if known is None:
        raise TransferError(f"{store.path} holds no embeddings; run: recall index FOLDER")
    report = ExportReport(target)
    with new_folder(target) as folder, store.reading() as connection, write_errors(target):
        with_text, photos, items = (connection.scalar(statement) or 0 for statement in _counts(known))
        samples = _samples(connection, known)
        digits = len(str(max(0, photos - 1) // PART))
        for number, first in enumerate(samples):
            part = chain([first], islice(samples, PART - 1))
            _write_part(
                folder,
                f"{number:0{digits}}",
                part,
                dim=known.dim,
                with_text=with_text == photos,
                report=report,
                told=lambda: progress(Progress("exporting", report.items, photos)),
            )
        report.skipped = items - report.items
        report.bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        if not report.items:
            raise TransferError(f"{store.path} holds no photo that clip-retrieval's layout has a place for")
    if 0 < with_text < photos:
        logger.warning("only %d of %d photos have a text: texts were written without embeddings", with_text, photos)
    if report.skipped:
        logger.warning(
            "left out %d items: documents, failures, and paths that are no UTF-8; Recall's own layout holds them",
            report.skipped,
        )
    return report


def _counts(known: EncoderRecord) -> tuple[Any, Any, Any]:
    """Return statements that count photos with a text embedding, photos with an embedding, and all items."""
    photo, text = _with(known, Modality.PHOTO), _with(known, Modality.TEXT)
    both = select(photo.c.item_id).intersect(select(text.c.item_id)).subquery()
    return (
        select(func.count()).select_from(both),
        select(func.count()).select_from(photo),
        select(func.count()).select_from(ITEMS),
    )


def _with(known: EncoderRecord, kind: Modality) -> Any:
    """Return the ids of the items that have an embedding of a kind, by way of the embeddings: each is met once."""
    statement = select(UNITS.c.item_id).distinct().join_from(EMBEDDINGS, UNITS)
    return statement.where(
        EMBEDDINGS.c.encoder_id == known.id, EMBEDDINGS.c.mapped.is_(False), UNITS.c.kind == kind
    ).subquery()


def _samples(connection: Any, known: EncoderRecord) -> Iterator[_Sample]:
    """Yield the rows, by path."""
    statement = select(ITEMS).order_by(ITEMS.c.path)
    for page in connection.execute(statement).mappings().partitions(PAGE_SIZE):
        images: dict[int, Any] = {}
        texts: dict[int, Any] = {}
        units = (
            select(UNITS.c.item_id, UNITS.c.kind, UNITS.c.text, EMBEDDINGS.c.encoder_id, EMBEDDINGS.c.vector)
            .join_from(UNITS, EMBEDDINGS)
            .where(EMBEDDINGS.c.mapped.is_(False))
            .where(UNITS.c.item_id.in_([row["id"] for row in page]))  # alone, or SQLite begins with the encoder
            .order_by(UNITS.c.item_id, UNITS.c.position)
        )
        for unit in connection.execute(units):
            if unit.encoder_id == known.id and len(unit.vector) == known.dim * VECTOR_DTYPE.itemsize:
                (images if unit.kind == Modality.PHOTO else texts).setdefault(unit.item_id, unit)
        for row in page:
            image, text = images.get(row["id"]), texts.get(row["id"])
            if image is not None and _is_text(row["path"]):
                caption = text.text if text else image.text
                facts = {column.name: row[column.name] for column in FACTS}
                facts |= {"image_path": row["path"], "caption": caption}
                yield _Sample(facts, image.vector, text.vector if text else None)


def _write_part(
    folder: Path,
    number: str,
    samples: Iterator[_Sample],
    *,
    dim: int,
    with_text: bool,
    report: ExportReport,
    told: Callable[[], None],
) -> None:
    for name in ("img_emb", "text_emb", "metadata")[:: 1 if with_text else 2]:
        (folder / name).mkdir(exist_ok=True)
    with ExitStack() as stack:
        metadata = stack.enter_context(TableWriter(folder / "metadata" / f"metadata_{number}.parquet", METADATA))
        images = _Rows(stack, folder / "img_emb" / f"img_emb_{number}.npy", dim)
        texts = _Rows(stack, folder / "text_emb" / f"text_emb_{number}.npy", dim) if with_text else None
        for sample in samples:
            if texts is not None and sample.text is None:
                continue  # its text's embedding is damaged: the rows of the files must stay side by side
            metadata.put(sample.facts)
            images.put(sample.image)
            if texts is not None and sample.text is not None:
                texts.put(sample.text)
            report.items += 1
            report.vectors += 1 if texts is None else 2
            told()
        images.finish()
        if texts is not None:
            texts.finish()


class _Rows:
    """Rows of float16 that go into an .npy file one by one; how many they were is written at the end."""

    def __init__(self, stack: ExitStack, file: Path, dim: int) -> None:
        self._file: BinaryIO = stack.enter_context(file.open("wb"))
        self._dim = dim
        self._count = 0
        self._start = self._write_header()

    def put(self, vector: bytes) -> None:
        """Add a row."""
        self._file.write(vector)
        self._count += 1

    def finish(self) -> None:
        """Write the number of rows into the header, for which NumPy leaves room."""
        self._file.seek(0)
        if self._write_header() != self._start:
            raise RuntimeError("NumPy's header has grown over the first rows")

    def _write_header(self) -> int:
        header = {"descr": VECTOR_DTYPE.str, "fortran_order": False, "shape": (self._count, self._dim)}
        np.lib.format.write_array_header_1_0(self._file, header)
        return self._file.tell()


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
