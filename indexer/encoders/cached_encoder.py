"""Encoders on the CPU: exported once with torch, loaded from the cache without it, exported again if damaged."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.config import active_settings
from indexer.encoders.base import COMPACT_FOLDER
from indexer.encoders.compact_encoder import check_compact_files
from indexer.encoders.export_store import (
    MANIFEST,
    ExportRecord,
    cache_folder,
    cache_lock,
    delete_leftovers,
    export_folder,
    is_intact,
    model_files,
    package_versions,
    read_record,
    write_record,
)
from indexer.encoders.names import Precision, in_precision
from indexer.encoders.onnx_encoder import BrokenExportError, ExportDescription, OnnxEncoder
from indexer.encoders.parity import ExportRefusedError
from indexer.encoders.runtime import require_torch
from indexer.errors import EncoderError, MissingPackageError
from indexer.types import Pixels, Vectors

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from indexer.encoders.full_encoder import FullEncoder
    from indexer.encoders.onnx_encoder import Tower
    from indexer.encoders.openclip_encoder import OpenClipEncoder

logger = logging.getLogger(__name__)


INT8_VERSION = 2
"""Part of the fingerprint in int8, to be raised when quantization gives other vectors."""


def load_through_cache(name: str, precision: Precision, *, batch_size: int | None = None) -> FullEncoder:
    """Return an encoder that runs in ONNX Runtime; if it has no export yet, torch makes one first.

    If it cannot be exported, or the export cannot be stored, the torch encoder is returned and the log says why.

    Args:
        name: The encoder without its precision.
        precision: "float32" or "int8".
        batch_size: Pictures per call; None uses what suits the CPU.

    Raises:
        EncoderNotFoundError: No encoder has this name, or it cannot be downloaded.
        EncoderError: Its files cannot be used, or it cannot be made in int8.
        MissingPackageError: It has no export yet, and making one needs torch.
    """
    record, torch_encoder = _current_record(name, precision), None
    if record is None:
        try:
            record, torch_encoder = _export(name, precision)
        except OSError as error:
            reason = f"the cache {cache_folder()} cannot be written: {error.strerror or error}"
            record = ExportRecord(name=name, files={}, refused=f"{reason}; set RECALL_CACHE to a writable folder")
    if not record.refused:
        return CachedEncoder(name, precision, record.export, batch_size=batch_size)
    if precision == "int8":
        raise EncoderError(f"encoder '{name}+int8' cannot be made ({record.refused}); use {name}")
    logger.warning("encoder %s has no export for the CPU (%s); torch is used, which is slower", name, record.refused)
    return torch_encoder if torch_encoder and batch_size is None else _load_torch(name, batch_size)


class CachedEncoder(OnnxEncoder):
    """An encoder from the cache; if its export turns out to be damaged when it is opened, it is made again."""

    def __init__(self, name: str, precision: Precision, export: str, *, batch_size: int | None) -> None:
        self._plain_name, self._precision, self._export = name, precision, export
        self._settings = active_settings()
        super().__init__(cache_folder() / export, name=in_precision(name, precision), batch_size=batch_size)

    def _encode_images(self, pixels: Pixels, *, prepacked: bool) -> Vectors:
        return self._independent_rows(partial(super()._encode_images, prepacked=prepacked), pixels)

    def _encode_texts(self, texts: Sequence[str], *, prepacked: bool) -> Vectors:
        return self._independent_rows(partial(super()._encode_texts, prepacked=prepacked), texts)

    def _independent_rows(self, encode: Callable[[Any], Vectors], rows: Pixels | Sequence[str]) -> Vectors:
        """Return the rows' vectors, in int8 with one call per row.

        In int8 the range of the numbers is that of the whole batch, so that rows in one call would change each other's
        vectors (cosine .9998). Calls in parallel are as fast as one call: 61 against 62 rows a second for ViT-B-32.
        """
        if self._precision == "float32" or len(rows) < 2:
            return encode(rows)
        outputs = [encode(rows[:1])]  # first, because it opens the tower
        with ThreadPoolExecutor(self._threads) as pool:
            outputs.extend(pool.map(lambda row: encode(rows[row : row + 1]), range(1, len(rows))))
        return np.concatenate(outputs)

    def _session(self, tower: Tower, *, prepacked: bool) -> InferenceSession:
        try:
            return super()._session(tower, prepacked=prepacked)
        except BrokenExportError as broken:
            with self._settings.active() if self._settings else nullcontext():
                return self._exported_again(broken, tower, prepacked=prepacked)

    def _exported_again(self, broken: BrokenExportError, tower: Tower, *, prepacked: bool) -> InferenceSession:
        try:
            (cache_folder() / self._export / MANIFEST).unlink(missing_ok=True)
            record, _ = _export(self._plain_name, self._precision)
        except OSError as error:
            raise broken from error
        if record.export != self._export:
            raise broken  # the model itself has changed meanwhile
        return super()._session(tower, prepacked=prepacked)


def has_export(name: str, precision: Precision) -> bool:
    """Return whether an encoder can be loaded from the cache, without torch and without its original weights."""
    if precision == "int8" and has_export(name, "float32"):
        return True  # int8 is made from it
    record = _current_record(name, precision)
    return record is not None and not record.refused


def _current_record(name: str, precision: Precision) -> ExportRecord | None:
    """Return the record of an encoder if it still holds: the model's files are unchanged, and its export is intact."""
    record = read_record(name, precision)
    if record is None or record.files != model_files(name):
        return None
    if record.refused:
        return record if record.versions == package_versions() else None
    return record if is_intact(cache_folder() / record.export) else None


def _export(name: str, precision: Precision) -> tuple[ExportRecord, OpenClipEncoder | None]:
    """Export an encoder, unless another process has done so meanwhile.

    Returns:
        Its record, and the torch encoder if it was loaded.
    """
    cache_folder().mkdir(parents=True, exist_ok=True)
    with cache_lock():
        current = _current_record(name, precision)
        if current is not None:
            return current, None
        former = read_record(name, precision)
        export = cache_folder() / former.export if former is not None and former.export else None
        if export is not None and export.exists() and not is_intact(export):
            logger.warning("the CPU export of encoder %s is damaged and is made again", name)
        delete_leftovers()
        return _export_int8(name) if precision == "int8" else _export_float32(name)


def _export_float32(name: str) -> tuple[ExportRecord, OpenClipEncoder | None]:
    files = model_files(name)  # before loading, so that a change during the export is noticed next time
    encoder = _load_torch(name, None)
    missing = [package for package in ("onnx", "onnxscript") if find_spec(package) is None]
    if missing:
        reason = f"{' and '.join(missing)} not installed; run: pip install 'recall-photos[torch]'"
        return ExportRecord(name=name, files=files, refused=reason), encoder
    from indexer.encoders.onnx_export import export  # late: needs torch and onnx

    target = cache_folder() / f"{encoder.fingerprint}-float32"
    record = ExportRecord(name=name, files=files, export=target.name)
    try:
        if not is_intact(target):
            logger.info("exporting encoder %s for the CPU, once; this takes up to two minutes", name)
            with export_folder(target) as folder:
                export(encoder, folder)
            logger.info("exported encoder %s to %s", name, target)
    except ExportRefusedError as error:
        record = ExportRecord(name=name, files=files, refused=str(error), versions=package_versions())
    write_record(record, "float32")
    return record, encoder


def _export_int8(name: str) -> tuple[ExportRecord, OpenClipEncoder | None]:
    source, torch_encoder = COMPACT_FOLDER, None
    if name != "compact":
        float32 = _current_record(name, "float32")
        if float32 is None:
            float32, torch_encoder = _export_float32(name)
        if float32.refused:
            return float32, torch_encoder
        source = cache_folder() / float32.export
    fingerprint = int8_fingerprint(ExportDescription.read(source).fingerprint)
    target = cache_folder() / f"{fingerprint}-int8"
    record = ExportRecord(name=name, files=model_files(name), export=target.name)
    try:
        if not is_intact(target):
            if find_spec("onnx") is None:
                raise MissingPackageError(f"encoder '{name}+int8' needs onnx; run: pip install 'recall-photos[torch]'")
            from indexer.encoders.quantize import quantize  # late: needs onnx

            if name == "compact":
                check_compact_files()
            logger.info("converting encoder %s to int8, once", name)
            with export_folder(target) as folder:
                quantize(source, folder, fingerprint=fingerprint)
    except ExportRefusedError as error:
        record = ExportRecord(name=name, files=record.files, refused=str(error), versions=package_versions())
    write_record(record, "int8")
    return record, torch_encoder


def int8_fingerprint(fingerprint: str) -> str:
    """Return the fingerprint of an encoder in int8, 40 hex digits, from its fingerprint in float32."""
    return hashlib.sha256(f"{fingerprint} int8 {INT8_VERSION}".encode()).hexdigest()[:40]


def _load_torch(name: str, batch_size: int | None) -> OpenClipEncoder:
    require_torch(f"encoder {name!r}")
    from indexer.encoders.openclip_encoder import OpenClipEncoder  # late: importing torch and open_clip takes seconds

    encoder: OpenClipEncoder = OpenClipEncoder.load(name, device="cpu", batch_size=batch_size)
    return encoder
