"""Takes encoded batches, puts their rows back into parts, and writes each complete part: a whole export by itself."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from indexer.catalog.schema import LABELS
from indexer.catalog.statements.export_records import Record
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.distributed.part_list import Part
from indexer.encoders.base import Encoder
from indexer.storage import Place
from indexer.sync.batch import Batch
from indexer.sync.batch_target import BatchTarget
from indexer.sync.item_columns import failure_columns, file_columns, item_columns, searchable_text
from indexer.sync.scan_rules import Rules
from indexer.transfer.formats import MANIFEST
from indexer.transfer.import_items import ExportedEncoder
from indexer.transfer.manifest import write_manifest
from indexer.transfer.parquet import TableWriter
from indexer.transfer.part_folders import part_name, part_of_manifest
from indexer.transfer.recall_format import ITEMS_FILE, UNITS_FILE, units_layout, written_layout
from indexer.types import Modality, Preprocess, Vectors, utc_now

_SOURCE_ID = 1
"""Every part has one source."""

_COLUMN = "embedding_1"

_NO_LABELS: Record = dict.fromkeys(LABELS, ())

_Rows = tuple[Record, list[Record]]
"""The columns of an item, and those of its units with their embedding."""


@dataclass(frozen=True, slots=True)
class PartSource:
    """The source that parts are of.

    Attributes:
        root: Its folder, file or URL.
        rules: What was excluded.
    """

    root: str
    rules: Rules

    @property
    def record(self) -> Record:
        """Its columns in a manifest; an import adds the source with them."""
        return {
            "root": self.root,
            "exclude": list(self.rules.exclude),
            "include_hidden": self.rules.include_hidden,
            "added_at": utc_now(),
            "synced_at": None,
            "columns": None,
            "mounts": None,
            "collection": None,
        }


class PartTarget(BatchTarget):
    """Parts in a place."""

    def __init__(
        self,
        place: Place,
        source: PartSource,
        encoder: Encoder,
        size: int,
        on_written: Callable[[int, int, int], None],
    ) -> None:
        """Take what all parts have in common.

        Args:
            place: Where they are written.
            source: What they are of.
            encoder: The encoder.
            size: Number of files of each part but the last.
            on_written: Called with the number of each part that was written, and its counts of items and failures.
        """
        self._place, self._source, self._size, self._on_written = place, source, size, on_written
        self._preprocess = encoder.preprocess
        self._encoder = _exported(encoder)
        self._expected: deque[Part] = deque()
        self._rows: dict[str, _Rows] = {}

    def expect(self, part: Part) -> None:
        """Take notice of a part, before its files are read; parts are written in this order."""
        self._expected.append(part)

    @property
    def preprocess(self) -> Preprocess | None:
        """Preprocessing of the encoder."""
        return self._preprocess

    def bind(self, encoder: Encoder) -> None:
        """Do nothing: the encoder is known."""

    def let_others_write(self) -> None:
        """Do nothing: parts have no lock."""

    def write(self, batch: Batch, photos: Vectors, texts: Vectors) -> None:
        """Keep the rows of a batch, and write the parts that are complete now.

        Raises:
            StorageError: The place cannot be written.
        """
        pictures, chunks = iter(photos), iter(texts)
        for item in batch.items:
            row = _NO_LABELS | file_columns(item.step.file, _SOURCE_ID) | item_columns(item)
            units = []
            if item.photo is not None:
                text = searchable_text(item.photo.metadata)
                units.append({"kind": Modality.PHOTO, "text": text, _COLUMN: _stored(next(pictures))})
            units += [{"kind": Modality.TEXT, "text": text, _COLUMN: _stored(next(chunks))} for text in item.chunks]
            self._rows[item.step.file.path] = row, units
        for step, error in batch.failures:
            row = _NO_LABELS | file_columns(step.file, _SOURCE_ID) | failure_columns(step.file, error)
            self._rows[step.file.path] = row, []
        while self._expected and all(file.path in self._rows for file in self._expected[0].files):
            part = self._expected.popleft()
            self._write_part(part, [self._rows.pop(file.path) for file in part.files])

    def _write_part(self, part: Part, rows: Sequence[_Rows]) -> None:
        """Write the files of a part, the manifest last; an old manifest is deleted first."""
        folder_name = part_name(part.number)
        with tempfile.TemporaryDirectory(prefix="recall-part-") as name:
            self._write_files(Path(name), part, rows)
            self._place.delete(f"{folder_name}/{MANIFEST}")
            for file in (ITEMS_FILE, UNITS_FILE, MANIFEST):
                self._place.write(f"{folder_name}/{file}", (Path(name) / file).read_bytes())
        failed = sum(item["failure"] is not None for item, _ in rows)
        self._on_written(part.number, len(rows) - failed, failed)

    def _write_files(self, folder: Path, part: Part, rows: Sequence[_Rows]) -> None:
        source = self._source.record
        first = part.number * self._size + 1  # ids of different parts differ, for other programs
        with (
            TableWriter(folder / ITEMS_FILE, written_layout([source])) as items,
            TableWriter(folder / UNITS_FILE, units_layout([self._encoder])) as units,
        ):
            for id_, (item, of_item) in enumerate(rows, start=first):
                items.add(item | {"id": id_, "relative": os.path.relpath(item["path"], self._source.root)})
                for position, unit in enumerate(of_item):
                    units.add(unit | {"item_id": id_, "position": position})
        write_manifest(
            folder,
            encoders=[self._encoder],
            sources=[source],
            rows={ITEMS_FILE: items.rows, UNITS_FILE: units.rows},
            settings={},
            more=part_of_manifest(part.number, part.digest),
        )


def _stored(vector: Vectors) -> bytes:
    return vector.astype(VECTOR_DTYPE).tobytes()


def _exported(encoder: Encoder) -> ExportedEncoder:
    """Return the record of an encoder in a manifest."""
    record: Mapping[str, Any] = {
        "name": encoder.name,
        "fingerprint": encoder.fingerprint,
        "dim": encoder.dim,
        "preprocess": asdict(encoder.preprocess),
        "added_at": utc_now(),
    }
    return ExportedEncoder(_COLUMN, True, record)  # noqa: FBT003 - the active one
