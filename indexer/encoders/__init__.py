"""Encoders: two towers, one for pictures and one for texts, that map both into one space.

From outside call `load_encoder`, and `check_name` before anything is made for an encoder. `NAME_FORMS` describes the
ways to name one, `Encoder` in `base` is the protocol that every encoder has, `recommended` and `plugins` list encoders,
and `adapter` holds the small transforms that are learnt from judgements. Importing this package loads neither numpy nor
torch.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from indexer.encoders.names import NAME_FORMS, Precision, check_name, full_name, has_form, is_name, split_precision
from indexer.encoders.plugins import load_plugin, plugin_of
from indexer.encoders.runtime import best_device, require_torch
from indexer.errors import EncoderError, MissingPackageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from indexer.encoders.full_encoder import FullEncoder

__all__ = ["NAME_FORMS", "check_name", "is_provided", "load_encoder", "pretrained_names"]

# ONNX Runtime's builds report to Microsoft unless this is set before they are imported (its Privacy.md, 1.32)
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def load_encoder(name: str, *, device: str = "auto", batch_size: int | None = None) -> FullEncoder:
    """Return the encoder of that name with its weights; a download is announced in the log first.

    On a CPU it runs in ONNX Runtime: compact at once, any other after its first load, which exports it with torch.

    Args:
        name: A name in one of the forms of `NAME_FORMS`.
        device: "auto" (cuda, else mps, else cpu; always cpu for int8), "cpu", "cuda", "cuda:N" or "mps".
        batch_size: Pictures per call; None uses what suits the device.

    Raises:
        EncoderNotFoundError: No encoder has this name, or it cannot be downloaded.
        EncoderError: Its files cannot be used, or the device is absent or does not support its precision.
        MissingPackageError: It needs torch or ONNX Runtime, which is not installed.
    """
    check_name(name)
    name = full_name(name)
    plain, precision = split_precision(name)
    entry = _plugin(plain, precision)
    if entry is not None:
        if precision == "int8":
            raise EncoderError(f"encoder {name!r}: encoders of other packages compute in float32 only; use {plain}")
        return load_plugin(entry, plain, device=best_device() if device == "auto" else device, batch_size=batch_size)
    if device == "auto":
        device = "cpu" if precision == "int8" else best_device()
    if device == "cpu" and find_spec("onnxruntime") is not None:
        if name == "compact":
            from indexer.encoders.compact_encoder import CompactEncoder  # late: ONNX Runtime takes a tenth of a second

            return CompactEncoder(batch_size=batch_size)
        from indexer.encoders.cached_encoder import load_through_cache  # late, as above

        return load_through_cache(plain, precision, batch_size=batch_size)
    if precision == "int8" and device == "cpu":
        raise MissingPackageError(f"encoder {name!r} needs ONNX Runtime; run: pip install 'recall-photos[cpu]'")
    if precision == "int8":
        raise EncoderError(f"encoder {name!r} computes in int8, which only a CPU can; use --device cpu, or {plain}")
    require_torch(f"encoder {name!r} on device {device!r}", or_cpu=name == "compact" and device == "cpu")
    from indexer.encoders.openclip_encoder import OpenClipEncoder  # late: torch and open_clip take seconds

    encoder: FullEncoder = OpenClipEncoder.load(name, device=device, batch_size=batch_size)
    return encoder


def is_provided(name: str) -> bool:
    """Return whether something on this machine can load an encoder of this name; weights may have to be downloaded.

    An encoder object that was given to `Library.open` may have any name, which nothing provides later.
    """
    plain = split_precision(name)[0]
    if not is_name(plain):
        return plugin_of(plain) is not None
    if not has_form(plain, "open_clip") or find_spec("torch") is None or find_spec("open_clip") is None:
        return True
    return plain in pretrained_names() or plugin_of(plain) is not None


def _plugin(plain: str, precision: Precision) -> EntryPoint | None:
    """Return the entry point that provides an encoder, if Recall itself does not.

    Looking up entry points takes a twentieth of a second, so an open_clip model that has an export is not looked up.
    """
    if not is_name(plain):
        return plugin_of(plain)
    if not has_form(plain, "open_clip"):
        return None
    from indexer.encoders.export_store import read_record  # late: it loads numpy

    return plugin_of(plain) if read_record(plain, precision) is None else None


def pretrained_names() -> list[str]:
    """Return the MODEL/WEIGHTS names that open_clip can download, sorted.

    Raises:
        MissingPackageError: torch or open_clip is not installed.
    """
    require_torch("the list of open_clip's encoders")
    from indexer.encoders.openclip_encoder import pretrained_names as openclip_names  # late, see load_encoder

    return openclip_names()
