"""Reads clip-retrieval's layout: numbered parts of image embeddings, text embeddings and metadata, row by row.

Its files do not say which encoder made them, nor anything of the photos but their paths: size and time are kept as 0,
so that a sync that meets such a photo takes it for changed and encodes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
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
from indexer.transfer.clip_retrieval.names import KINDS, numbered
from indexer.transfer.import_items import ImportReport, Incoming, IncomingEncoder, Item
from indexer.transfer.parquet import column_names, count_rows, read_strings
from indexer.transfer.path_mapping import Roots, checked
from indexer.types import Modality, utc_now

COLUMN = "embedding"
"""What the vectors are called on their way in: there is one encoder."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Files whose rows belong together.

    Attributes:
        metadata: With image_path and perhaps caption.
        images: Shape (n, d), mapped.
        texts: Shape (n, d), mapped; None where the captions have no embeddings.
        columns: Those of image_path and caption that there are.
    """

    metadata: Path
    images: NDArray[Any]
    texts: NDArray[Any] | None
    columns: tuple[str, ...]


def incoming(
    folder: Path, roots: Mapping[str, str], encoder: Encoder, report: ImportReport, connection: Connection
) -> Incoming:
    """Return what the parts in a folder hold, after checking shapes and all paths.

    Args:
        folder: With img_emb/, metadata/ and perhaps text_emb/, or their files side by side.
        roots: Folders of other machines and where they lie here; "" for the folder that relative paths begin at.
        encoder: The one that made the vectors, as somebody says.
        report: Told how many vectors were normalised.
        connection: To see which sources there are.

    Raises:
        TransferError: Files are missing, cut short, of other shapes or dimensions, or name paths that cannot be.
    """
    places = Roots.of(roots)
    parts = [_part(folder, number, encoder.dim) for number in sorted(_numbers(folder), key=lambda n: (int(n), n))]
    record = {
        "name": encoder.name,
        "fingerprint": encoder.fingerprint,
        "dim": encoder.dim,
        "preprocess": asdict(encoder.preprocess),
        "added_at": utc_now(),
    }
    found = [_source(root) for root in _new_roots(parts, places, connection)]
    total = sum(len(part.images) for part in parts)
    maker = IncomingEncoder(COLUMN, active=True, record=record)
    return Incoming([maker], found, total, _items(parts, places, report))


def _numbers(folder: Path) -> list[str]:
    """Return the numbers of the parts, the same for each kind of file that there is."""
    images, texts, metadata = (numbered(folder, kind) for kind in KINDS)
    if not images:
        raise TransferError(f"{folder} has no img_emb_0.npy; expected image embeddings beside its metadata")
    if set(images) != set(metadata) or (texts and set(texts) != set(images)):
        raise TransferError(
            f"{folder} has {len(images)} parts of img_emb, {len(texts)} of text_emb and {len(metadata)} of metadata; "
            "expected the same numbers of each"
        )
    return list(images)


def _part(folder: Path, number: str, dim: int) -> Shard:
    images, texts, metadata = (numbered(folder, kind).get(number) for kind in KINDS)
    if images is None or metadata is None:
        raise TransferError(f"{folder} has lost its part {number} meanwhile; copy it again")
    columns = tuple(name for name in ("image_path", "caption") if name in column_names(metadata))
    if "image_path" not in columns:
        raise TransferError(f"{metadata} has no column image_path; expected one that names the photos")
    part = Shard(metadata, _array(images, dim), None if texts is None else _array(texts, dim), columns)
    counts = {count_rows(metadata), len(part.images)} | ({len(part.texts)} if part.texts is not None else set())
    if len(counts) > 1:
        raise TransferError(f"the files of part {number} in {folder} have {sorted(counts)} rows; expected the same")
    return part


def _array(file: Path, dim: int) -> NDArray[Any]:
    """Return a mapped array of vectors; nothing in the file is run, and nothing is read but its header."""
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, OverflowError, SyntaxError) as error:
        raise TransferError(f"{file} is no array that can be read ({error}); copy it again") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind != "f":
        raise TransferError(f"{file} holds something else than rows of float16 or float32")
    if array.shape[1] != dim:
        raise TransferError(
            f"the vectors in {file} have {array.shape[1]} dimensions, but the encoder gives {dim}; name the encoder "
            "that made them with --encoder"
        )
    return array


def _rows(part: Shard, places: Roots) -> Iterator[tuple[str, str | None]]:
    """Yield path and caption of each row."""
    for number, (path, *caption) in enumerate(read_strings(part.metadata, part.columns)):
        if not path:
            raise TransferError(f"row {number} of {part.metadata} has no image_path")
        yield checked(places.resolve(path), f"row {number} of {part.metadata}:"), caption[0] if caption else None


def _new_roots(parts: list[Shard], places: Roots, connection: Connection) -> list[str]:
    """Return the folders that become sources: those here that were named, else what the photos have in common.

    What lies in a source already needs none. Never is it the top of the disk, below which a sync would read all.
    """
    named = [new for _, new in places.pairs]
    common: dict[str, str] = {}
    used: dict[str, None] = {}
    for part in parts:
        for path, _ in _rows(part, places):
            root = next((new for new in named if path == new or path.startswith(new.rstrip(os.sep) + os.sep)), None)
            if root is not None:
                used[root] = None
                continue
            top = os.sep.join(path.split(os.sep)[:2])
            folder = os.path.dirname(path)
            common[top] = os.path.commonpath([common.get(top, folder), folder]) if folder != os.sep else path
    return [root for root in [*used, *common.values()] if sources.enclosing_source(connection, root) is None]


def _source(root: str) -> dict[str, Any]:
    return {"root": root, "exclude": [], "include_hidden": False, "added_at": utc_now()}


def _items(parts: list[Shard], places: Roots, report: ImportReport) -> Iterator[Item]:
    empty = dict.fromkeys(column.name for column in ITEMS.c if column.name not in {"id", "source_id"})
    facts = empty | {"modality": Modality.PHOTO, "size": 0, "mtime_ns": 0, "indexed_at": utc_now(), "tags": []}
    for part in parts:
        for number, (path, caption) in enumerate(_rows(part, places)):
            image = _stored(part.images[number], report)
            text = None if part.texts is None or not caption else _stored(part.texts[number], report)
            lacks = "img_emb" if image is None else "text_emb"
            if image is None or (text is None and part.texts is not None and caption):
                said = f"row {number} of {lacks} beside {part.metadata.name} is no vector (not finite, or zero)"
                yield facts | {"path": path, "failure": FailureKind.ENCODER, "failure_message": said}, []
                continue
            said_of_photo = caption if text is None else None
            units = [_unit(0, Modality.PHOTO, said_of_photo or None, image)]
            if text is not None:
                units.append(_unit(1, Modality.TEXT, caption, text))
            yield facts | {"path": path}, units


def _unit(position: int, kind: Modality, text: str | None, vector: bytes) -> dict[str, Any]:
    return {"position": position, "kind": kind, "text": text, "vectors": {COLUMN: vector}}


def _stored(row: NDArray[Any], report: ImportReport) -> bytes | None:
    """Return a vector as it is stored, at unit length; None where it is not finite, or zero."""
    numbers = row.astype(np.float64)
    length = float(np.linalg.norm(numbers))
    if not np.isfinite(length) or length == 0:
        return None
    if abs(length - 1) < 1e-2:
        return row.astype(VECTOR_DTYPE).tobytes()  # bit for bit what was written, where that was float16
    report.normalized += 1
    return (numbers / length).astype(VECTOR_DTYPE).tobytes()
