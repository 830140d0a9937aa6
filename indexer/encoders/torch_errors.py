"""Errors of torch and open_clip, translated into Recall's."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from safetensors import SafetensorError

from indexer.errors import EncoderError

LOADING_ERRORS = (RuntimeError, ValueError, TypeError, KeyError, AttributeError, AssertionError, EOFError, OSError)
"""What open_clip, timm and torch raise for a folder or checkpoint that they cannot use."""

_OUT_OF_MEMORY = re.compile(r"out of memory|ALLOC_FAILED")
"""Messages of CUDA and cuBLAS for which torch raises no `OutOfMemoryError`."""

_GPU_FAULT: Any = getattr(torch, "AcceleratorError", ())
"""What torch raises for a fault of a GPU since 2.8; before, it was a plain RuntimeError."""


@contextmanager
def loading_errors(name: str) -> Iterator[None]:
    """Turn what open_clip raises while it loads an encoder, and one warning, into EncoderError."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="QuickGELU mismatch")
            yield
    except UserWarning as warning:
        advice = "use the model's -quickgelu name"
        raise EncoderError(f"encoder {name!r} would give wrong vectors ({warning}); {advice}") from warning
    except (*LOADING_ERRORS, SafetensorError, pickle.UnpicklingError) as error:
        reason = (str(error) or repr(error)).splitlines()[0]
        raise EncoderError(f"encoder {name!r} cannot be loaded: {reason}") from error


@contextmanager
def encoding_errors(batch_size: int) -> Iterator[None]:
    """Turn what torch raises if a GPU has too little memory, or fails, into EncoderError."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        if is_out_of_memory(error):
            raise EncoderError(
                f"the device has too little memory for {batch_size} pictures or texts at once ({reason}); use a "
                "smaller --batch-size, or check what else is running on it"
            ) from error
        if isinstance(error, _GPU_FAULT):  # this process can no longer use the GPU
            raise EncoderError(f"the GPU failed ({reason}); run the command again, or with --device cpu") from error
        raise


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether an error of torch means that a device has too little memory."""
    return isinstance(error, torch.OutOfMemoryError) or _OUT_OF_MEMORY.search(str(error)) is not None
