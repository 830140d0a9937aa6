"""Reads clip-retrieval's format: numbered files of image embeddings, text embeddings and metadata, row by row.

The files name neither the encoder nor anything about the photos but their paths. Size and modification time are stored
as 0, so that the next sync of such a photo treats it as changed and encodes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from indexer.catalog.schema import ITEMS
from indexer.catalog.statements import sources
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.encoders.base import Encoder
from indexer.errors import FailureKind, TransferError
from indexer.transfer.clip_retrieval.file_names import KINDS, numbered_files
from indexer.transfer.import_items import ExportContents, ExportedEncoder, ItemWithUnits
from indexer.transfer.parquet import column_names, count_rows, read_strings
from indexer.transfer.path_mapping import PathMapping, validate_path
from indexer.transfer.report import ImportReport
from indexer.types import Modality, utc_now

COLUMN = "embedding"
"""Key of the vectors of the only encoder."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Files with the same number, whose rows correspond.

    Attributes:
        metadata: Parquet file with the column image_path and perhaps caption.
        images: Image embeddings, shape (n, d), memory-mapped.
        texts: Caption embeddings, shape (n, d), memory-mapped; None if there are none.
        columns: The columns image_path and caption, as far as they exist.
    """

    metadata: Path
    images: NDArray[Any]
    texts: NDArray[Any] | None
    columns: tuple[str, ...]


def open_export(
    folder: Path, roots: Mapping[str, str], encoder: Encoder, report: ImportReport, connection: Connection
) -> ExportContents:
    """Return the contents of an export after validating the shapes and all paths.

    Args:
        folder: Folder with img_emb/, metadata/ and perhaps text_emb/, or with their files directly in it.
        roots: Folders of other machines, and the same folders here; "" for the folder that relative paths start from.
        encoder: The encoder that made the vectors, as named by the user.
        report: Its count of normalized vectors is increased.
        connection: Connection to the catalog, to read the existing sources.

    Raises:
        TransferError: Files are missing or truncated, their shapes or dimensions differ, or a path cannot be used.
    """
    mapping = PathMapping.from_roots(roots)
    numbers = sorted(_shard_numbers(folder), key=lambda number: (int(number), number))
    shards = [_shard(folder, number, encoder.dim) for number in numbers]
    record = {
        "name": encoder.name,
        "fingerprint": encoder.fingerprint,
        "dim": encoder.dim,
        "preprocess": asdict(encoder.preprocess),
        "added_at": utc_now(),
    }
    new_sources = [_source(root) for root in _new_roots(shards, mapping, connection)]
    total = sum(len(shard.images) for shard in shards)
    exported = ExportedEncoder(COLUMN, active=True, record=record)
    return ExportContents([exported], new_sources, total, partial(_items, shards, mapping, report))


def _shard_numbers(folder: Path) -> list[str]:
    """Return the numbers of the shards, after checking that each kind of file has the same ones."""
    images, texts, metadata = (numbered_files(folder, kind) for kind in KINDS)
    if not images:
        raise TransferError(f"{folder} has no img_emb_0.npy; expected image embeddings in addition to the metadata")
    if set(images) != set(metadata) or (texts and set(texts) != set(images)):
        raise TransferError(
            f"{folder} has {len(images)} parts of img_emb, {len(texts)} of text_emb and {len(metadata)} of metadata; "
            "expected files with the same numbers"
        )
    return list(images)


def _shard(folder: Path, number: str, dim: int) -> Shard:
    images, texts, metadata = (numbered_files(folder, kind).get(number) for kind in KINDS)
    if images is None or metadata is None:
        raise TransferError(f"part {number} of {folder} was deleted meanwhile; copy it again")
    columns = tuple(name for name in ("image_path", "caption") if name in column_names(metadata))
    if "image_path" not in columns:
        raise TransferError(f"{metadata} has no column image_path; expected one that names the photos")
    shard = Shard(metadata, _map_array(images, dim), None if texts is None else _map_array(texts, dim), columns)
    counts = {count_rows(metadata), len(shard.images)} | ({len(shard.texts)} if shard.texts is not None else set())
    if len(counts) > 1:
        raise TransferError(f"the files of part {number} in {folder} have {sorted(counts)} rows; expected the same")
    return shard


def _map_array(file: Path, dim: int) -> NDArray[Any]:
    """Return a memory-mapped array of vectors; only the header is read, and no pickled object is loaded."""
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, OverflowError, SyntaxError) as error:
        raise TransferError(f"{file} is not a readable array ({error}); copy it again") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind != "f":
        raise TransferError(f"{file} does not hold rows of float16 or float32; copy it again")
    if array.shape[1] != dim:
        raise TransferError(
            f"the vectors in {file} have {array.shape[1]} dimensions, but the encoder gives {dim}; name the encoder "
            "that made them with --encoder"
        )
    return array


def _rows(shard: Shard, mapping: PathMapping) -> Iterator[tuple[str, str | None]]:
    """Yield path and caption of each row."""
    for number, (path, *caption) in enumerate(read_strings(shard.metadata, shard.columns)):
        if not path:
            raise TransferError(f"row {number} of {shard.metadata} has no image_path; expected one in every row")
        owner = f"row {number} of {shard.metadata}:"
        yield validate_path(mapping.resolve(path), owner), caption[0] if caption else None


def _new_roots(shards: list[Shard], mapping: PathMapping, connection: Connection) -> list[str]:
    """Return the folders that become sources: those that the user named, else the common parents of the photos.

    A folder inside an existing source is left out. The root of the disk is never returned, since a sync would read all
    of it.
    """
    targets = [new for _, new in mapping.pairs]
    common: dict[str, str] = {}
    used: dict[str, None] = {}
    for shard in shards:
        for path, _ in _rows(shard, mapping):
            root = next((new for new in targets if path == new or path.startswith(new.rstrip(os.sep) + os.sep)), None)
            if root is not None:
                used[root] = None
                continue
            top = os.sep.join(path.split(os.sep)[:2])
            folder = os.path.dirname(path)
            common[top] = os.path.commonpath([common.get(top, folder), folder]) if folder != os.sep else path
    return [root for root in [*used, *common.values()] if sources.enclosing_source(connection, root) is None]


def _source(root: str) -> dict[str, Any]:
    return {"root": root, "exclude": [], "include_hidden": False, "added_at": utc_now()}


def _items(shards: list[Shard], mapping: PathMapping, report: ImportReport) -> Iterator[ItemWithUnits]:
    empty = dict.fromkeys(column.name for column in ITEMS.c if column.name not in {"id", "source_id"})
    photo = empty | {"modality": Modality.PHOTO, "size": 0, "mtime_ns": 0, "indexed_at": utc_now(), "tags": []}
    for shard in shards:
        for number, (path, caption) in enumerate(_rows(shard, mapping)):
            image = _to_stored(shard.images[number], report)
            text = None if shard.texts is None or not caption else _to_stored(shard.texts[number], report)
            invalid = "img_emb" if image is None else "text_emb"
            if image is None or (text is None and shard.texts is not None and caption):
                message = f"row {number} of the {invalid} file of {shard.metadata.name} is zero or not finite"
                yield photo | {"path": path, "failure": FailureKind.ENCODER, "failure_message": message}, []
                continue
            caption_of_photo = caption if text is None else None
            units = [_unit(0, Modality.PHOTO, caption_of_photo or None, image)]
            if text is not None:
                units.append(_unit(1, Modality.TEXT, caption, text))
            yield photo | {"path": path}, units


def _unit(position: int, kind: Modality, text: str | None, vector: bytes) -> dict[str, Any]:
    return {"position": position, "kind": kind, "text": text, "vectors": {COLUMN: vector}}


def _to_stored(row: NDArray[Any], report: ImportReport) -> bytes | None:
    """Return a vector of unit length as stored bytes; None if it is zero or not finite."""
    numbers = row.astype(np.float64)
    length = float(np.linalg.norm(numbers))
    if not np.isfinite(length) or length == 0:
        return None
    if abs(length - 1) < 1e-2:
        return row.astype(VECTOR_DTYPE).tobytes()  # the same bits if the file is float16
    report.normalized += 1
    return (numbers / length).astype(VECTOR_DTYPE).tobytes()
