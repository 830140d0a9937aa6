"""Encoders by name."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from indexer.encoders.base import COMPACT, Encoder, require_torch, split_precision
from indexer.errors import EncoderError, EncoderNotFoundError, MissingPackageError

logger = logging.getLogger(__name__)

# ONNX Runtime's builds report to Microsoft unless this is set before they are imported (its Privacy.md, 1.32)
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

FORMS = (
    "compact, MODEL/WEIGHTS (for instance ViT-B-32/laion2b_s34b_b79k), hf-hub:ORG/REPO or local-dir:PATH, "
    "each with +int8 after it for half the work on a CPU"
)
"""The ways to name an encoder, for help and errors."""

NAME = re.compile(r"(compact|hf-hub:[^/\s]+/[^/\s]+|local-dir:.+|[^/:\s]+/[^/\s]+)", flags=re.DOTALL)


def load_encoder(name: str, *, device: str = "auto", batch_size: int | None = None) -> Encoder:
    """Return the encoder of that name, with its weights; a download is announced in the log first.

    On a CPU it runs in ONNX Runtime: compact at once, any other after its first load, which needs torch and exports it.

    Args:
        name: One of the forms in `FORMS`.
        device: "auto" (cuda, else mps, else cpu; always cpu for int8), "cpu", "cuda", "cuda:N" or "mps".
        batch_size: Pictures per call; None takes what suits the device.

    Raises:
        EncoderNotFoundError: No such encoder, or it cannot be downloaded.
        EncoderError: Its files cannot be used, or the device is absent or cannot compute in its precision.
        MissingPackageError: It needs torch or ONNX Runtime, and that is not installed.
    """
    check_name(name)
    plain, precision = split_precision(name)
    if device == "auto":
        device = "cpu" if precision == "int8" else best_device()
    if device == "cpu" and find_spec("onnxruntime") is not None:
        if name == "compact":
            from indexer.encoders.onnx_encoder import (
                OnnxEncoder,  # late: importing ONNX Runtime takes a tenth of a second
            )

            return OnnxEncoder(COMPACT, name=name, batch_size=batch_size)
        from indexer.encoders.cached_encoder import load_through_cache  # late, as above

        return load_through_cache(plain, precision, batch_size=batch_size)
    if precision == "int8" and device == "cpu":
        raise MissingPackageError(f"encoder {name!r} needs ONNX Runtime; run: pip install 'recall-photos[cpu]'")
    if precision == "int8":
        raise EncoderError(f"encoder {name!r} computes in int8, which is for the CPU; use --device cpu, or {plain}")
    require_torch(f"encoder {name!r} on device {device!r}", or_cpu=name == "compact" and device == "cpu")
    from indexer.encoders.openclip_encoder import OpenClipEncoder  # late: importing torch and open_clip takes seconds

    encoder: Encoder = OpenClipEncoder.load(name, device=device, batch_size=batch_size)
    return encoder


def check_name(name: str) -> None:
    """Check the form of an encoder's name, without loading anything.

    Raises:
        EncoderNotFoundError: The name has none of the forms.
    """
    if not NAME.fullmatch(split_precision(name)[0]):
        raise EncoderNotFoundError(f"no encoder is called {name!r}; expected {FORMS}")


def pretrained_names() -> list[str]:
    """Return the MODEL/WEIGHTS names that open_clip can download, sorted.

    Raises:
        MissingPackageError: torch and open_clip are not installed.
    """
    require_torch("the list of open_clip's encoders")
    from indexer.encoders.openclip_encoder import pretrained_names as listed  # late, see load_encoder

    return listed()


def best_device() -> str:
    """Return "cuda", "mps" or "cpu"; torch is imported only where there may be something better than a CPU."""
    if find_spec("torch") is None or not _may_have_gpu():
        return "cpu"
    import torch  # late: takes two seconds

    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.ones(1, device=best).add(1).cpu()
    except RuntimeError as error:  # a card that this torch is not built for, or one that others have filled
        logger.warning("%s cannot be used, so the CPU is: %s", best, str(error).partition("\n")[0])
        return "cpu"
    return best


def _may_have_gpu() -> bool:
    """Return whether torch is worth asking: an NVIDIA driver with a card, an AMD card's door, or Apple's processor."""
    if sys.platform == "darwin":
        return os.uname().machine == "arm64"
    if Path("/dev/kfd").exists():
        return True
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except (OSError, AttributeError):
        return False  # no driver, or none that we know
