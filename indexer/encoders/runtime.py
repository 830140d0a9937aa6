"""What this machine can run an encoder on: the packages that are installed and the devices that work."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from indexer.errors import MissingPackageError

logger = logging.getLogger(__name__)


def require_torch(feature: str, *, or_cpu: bool = False) -> None:
    """Check that torch and open_clip are installed, without importing them.

    Args:
        feature: What needs them, for the message.
        or_cpu: ONNX Runtime would do as well, and is what to install.

    Raises:
        MissingPackageError: torch or open_clip is not installed.
    """
    if find_spec("torch") is None or find_spec("open_clip") is None:
        needed, extra = ("ONNX Runtime", "cpu") if or_cpu else ("PyTorch and open_clip", "torch")
        raise MissingPackageError(f"{feature} needs {needed}; run: pip install 'recall-photos[{extra}]'")


def best_device() -> str:
    """Return "cuda", "mps" or "cpu"; torch is imported only if there may be something better than a CPU."""
    if find_spec("torch") is None or not _may_have_gpu():
        return "cpu"
    import torch  # late: takes two seconds

    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.ones(1, device=device).add(1).cpu()
    except RuntimeError as error:  # a GPU that this build of torch does not support, or whose memory is full
        reason = str(error).partition("\n")[0]
        logger.warning("device %s cannot be used (%s); the CPU is used instead", device, reason)
        return "cpu"
    return device


def _may_have_gpu() -> bool:
    """Return whether importing torch is worthwhile: there is an NVIDIA GPU, an AMD GPU or an Apple processor."""
    if sys.platform == "darwin":
        return os.uname().machine == "arm64"
    if Path("/dev/kfd").exists():  # AMD
        return True
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except (OSError, AttributeError):
        return False  # no driver, or an unknown one
