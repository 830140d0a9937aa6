"""Encoders on the CPU: exported by torch once, found again without it, exported anew when damaged."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.config import cpu_count
from indexer.encoders.base import COMPACT_FOLDER, Encoder
from indexer.encoders.export_store import (
    SEAL,
    Note,
    alone,
    cache_folder,
    is_whole,
    new_folder,
    read_note,
    stamps,
    sweep,
    versions,
    write_note,
)
from indexer.encoders.names import Precision, in_precision
from indexer.encoders.onnx_encoder import BrokenExportError, Description, OnnxEncoder
from indexer.encoders.parity import ExportRefusedError
from indexer.encoders.runtime import require_torch
from indexer.errors import EncoderError, MissingPackageError
from indexer.types import Pixels, Vectors

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from indexer.encoders.onnx_encoder import Tower
    from indexer.encoders.openclip_encoder import OpenClipEncoder

logger = logging.getLogger(__name__)


INT8_RECIPE = 1
"""Part of the fingerprint in int8: vectors of another recipe are other vectors."""


def load_through_cache(name: str, precision: Precision, *, batch_size: int | None = None) -> Encoder:
    """Return an encoder that runs in ONNX Runtime; where it has no export yet, torch makes one first.

    Where that cannot be had, or cannot be kept, the torch encoder comes back, and a line in the log says why.

    Args:
        name: The encoder without its precision.
        precision: "float32" or "int8".
        batch_size: Pictures per call; None takes what suits the CPU.

    Raises:
        EncoderNotFoundError: No such encoder, or it cannot be downloaded.
        EncoderError: Its files cannot be used, or it cannot be had in int8.
        MissingPackageError: It was not exported yet, and that needs torch.
    """
    note, loaded = _current(name, precision), None
    if note is None:
        try:
            note, loaded = _make(name, precision)
        except OSError as error:
            said = error.strerror or error
            reason = f"the cache {cache_folder()} cannot be written: {said}; set RECALL_CACHE to a folder that can"
            note = Note(name=name, files={}, refused=reason)
    if not note.refused:
        return CachedEncoder(name, precision, note.export, batch_size=batch_size)
    if precision == "int8":
        raise EncoderError(f"encoder '{name}+int8' cannot be made ({note.refused}); use {name}")
    logger.warning("encoder %s has no export for the CPU (%s): torch is used, slower", name, note.refused)
    return loaded if loaded and batch_size is None else _load_torch(name, batch_size)


class CachedEncoder(OnnxEncoder):
    """An encoder over a folder of the cache, which makes that anew where a damage shows only when it is opened."""

    def __init__(self, name: str, precision: Precision, export: str, *, batch_size: int | None) -> None:
        self._plain, self._precision, self._export = name, precision, export
        super().__init__(cache_folder() / export, name=in_precision(name, precision), batch_size=batch_size)

    def _encode_images(self, pixels: Pixels, *, many: bool) -> Vectors:
        return self._each_alone(partial(super()._encode_images, many=many), pixels)

    def _encode_texts(self, texts: Sequence[str], *, many: bool) -> Vectors:
        return self._each_alone(partial(super()._encode_texts, many=many), texts)

    def _each_alone(self, encode: Callable[[Any], Vectors], rows: Pixels | Sequence[str]) -> Vectors:
        """Return the rows' vectors, in int8 row by row.

        There a call takes the range of its numbers from all its rows, and what is encoded together would change each
        other's vectors (cosine .9998). Rows side by side are as fast as rows in one call: 61 and 62 a second of
        ViT-B-32.
        """
        if self._precision == "float32" or len(rows) < 2:
            return encode(rows)
        found = [encode(rows[:1])]  # alone, since it opens the tower
        with ThreadPoolExecutor(cpu_count()) as pool:
            found.extend(pool.map(lambda at: encode(rows[at : at + 1]), range(1, len(rows))))
        return np.concatenate(found)

    def _session(self, tower: Tower, *, many: bool) -> InferenceSession:
        try:
            return super()._session(tower, many=many)
        except BrokenExportError as broken:
            try:
                (cache_folder() / self._export / SEAL).unlink(missing_ok=True)
                made, _ = _make(self._plain, self._precision)
            except OSError as error:
                raise broken from error
            if made.export != self._export:
                raise  # the model itself is another by now
            return super()._session(tower, many=many)


def _current(name: str, precision: Precision) -> Note | None:
    """Return what is known of a name, where that still holds: its files as they were, its export whole."""
    note = read_note(name, precision)
    if note is None or note.files != stamps(name):
        return None
    holds = note.versions == versions() if note.refused else is_whole(cache_folder() / note.export)
    return note if holds else None


def _make(name: str, precision: Precision) -> tuple[Note, OpenClipEncoder | None]:
    """Return the note of a name after its export, or that of the process which was faster.

    Also returns the torch encoder, where one was loaded.
    """
    cache_folder().mkdir(parents=True, exist_ok=True)
    with alone():
        note = _current(name, precision)
        if note is not None:
            return note, None
        old = read_note(name, precision)
        export = cache_folder() / old.export if old is not None and old.export else None
        if export is not None and export.exists() and not is_whole(export):
            logger.warning("the CPU export of encoder %s is damaged and is made anew", name)
        sweep()
        return _make_int8(name) if precision == "int8" else _make_float32(name)


def _make_float32(name: str) -> tuple[Note, OpenClipEncoder | None]:
    files = stamps(name)  # before it is loaded: what changes meanwhile is seen next time
    loaded = _load_torch(name, None)
    missing = [package for package in ("onnx", "onnxscript") if find_spec(package) is None]
    if missing:
        reason = f"{' and '.join(missing)} not installed; run: pip install 'recall-photos[torch]'"
        return Note(name=name, files=files, refused=reason), loaded
    from indexer.encoders.onnx_export import export  # late: needs torch, and onnx

    target = cache_folder() / f"{loaded.fingerprint}-float32"
    note = Note(name=name, files=files, export=target.name)
    try:
        if not is_whole(target):
            logger.info("exporting encoder %s for the CPU, once: takes up to a minute or two", name)
            with new_folder(target) as folder:
                export(loaded, folder)
            logger.info("exported encoder %s to %s", name, target)
    except ExportRefusedError as error:
        note = Note(name=name, files=files, refused=str(error), versions=versions())
    write_note(note, "float32")
    return note, loaded


def _make_int8(name: str) -> tuple[Note, OpenClipEncoder | None]:
    source, loaded = COMPACT_FOLDER, None
    if name != "compact":
        full = _current(name, "float32")
        if full is None:
            full, loaded = _make_float32(name)
        if full.refused:
            return full, loaded
        source = cache_folder() / full.export
    fingerprint = int8_fingerprint(Description.read(source).fingerprint)
    target = cache_folder() / f"{fingerprint}-int8"
    note = Note(name=name, files=stamps(name), export=target.name)
    try:
        if not is_whole(target):
            if find_spec("onnx") is None:
                raise MissingPackageError(f"encoder '{name}+int8' needs onnx; run: pip install 'recall-photos[torch]'")
            from indexer.encoders.quantize import quantize  # late: needs onnx

            logger.info("bringing encoder %s to int8, once", name)
            with new_folder(target) as folder:
                quantize(source, folder, fingerprint=fingerprint)
    except ExportRefusedError as error:
        note = Note(name=name, files=note.files, refused=str(error), versions=versions())
    write_note(note, "int8")
    return note, loaded


def int8_fingerprint(fingerprint: str) -> str:
    """Return the fingerprint that an encoder has in int8, 40 hex digits; `fingerprint` is that in float32."""
    return hashlib.sha256(f"{fingerprint} int8 {INT8_RECIPE}".encode()).hexdigest()[:40]


def _load_torch(name: str, batch_size: int | None) -> OpenClipEncoder:
    require_torch(f"encoder {name!r}")
    from indexer.encoders.openclip_encoder import OpenClipEncoder  # late: importing torch and open_clip takes seconds

    encoder: OpenClipEncoder = OpenClipEncoder.load(name, device="cpu", batch_size=batch_size)
    return encoder
