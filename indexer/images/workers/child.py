"""The code that runs in a worker process."""

from __future__ import annotations

import importlib
import math
import os
import pickle
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from PIL import Image

from indexer.errors import FailureKind, PictureError
from indexer.images import Limits
from indexer.images.workers.framing import receive, send

_EXTRA_SECONDS = 5
"""Seconds after an item's time limit when a worker ends itself: if its parent was killed while a decoder hangs, nothing
else ends it."""

_BYTES_PER_PIXEL = 16
"""Memory for decoding, per pixel: four copies (decoded, converted, blended, rotated) of Pillow's four bytes each.
Measured: 13 bytes a pixel for a transparent PNG of 200 million."""

_MAX_ALARM = 2**31 - 1
"""Seconds after which an alarm can be set, at most: 68 years."""

_BASE_BYTES = 1024**3
"""Address space for the interpreter and its libraries (0.15 GB), the decoders' tables and the prepared pixels."""

_ONE_THREAD_OPTIONS = (
    ("PIL.AvifImagePlugin", "DEFAULT_MAX_THREADS", 1),
    ("pi_heif.options", "DECODE_THREADS", 1),
    ("pillow_jxl.JpegXLImagePlugin", "DECODE_THREADS", 0),
)
"""Module, option and value: by default these decoders start a thread per core."""


def serve() -> None:
    """Answer the requests on standard input until it is closed; the main function of a worker process."""
    requests, responses = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    setup = receive(requests)
    if setup is None:
        return
    limits, timeout = pickle.loads(setup)  # noqa: S301 written by the process that started this one
    _set_limits(limits)
    send(responses, b"ready")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):  # output of C libraries would garble the frames and the app's progress bar
        os.dup2(null, stream)
    while (request := receive(requests)) is not None:
        _set_alarm(min(math.ceil(timeout) + _EXTRA_SECONDS, _MAX_ALARM))
        task: Callable[[], object] = pickle.loads(request)  # noqa: S301 as above
        response = _run(task)
        _set_alarm(0)
        send(responses, pickle.dumps(response, protocol=pickle.HIGHEST_PROTOCOL))


def _run(task: Callable[[], object]) -> tuple[FailureKind | None, object]:
    """Return None and a task's result, or an error's kind and message: an exception of both cannot be pickled."""
    try:
        return None, task()
    except PictureError as error:
        return error.kind, str(error)


def _set_limits(limits: Limits) -> None:
    """Set limits that are global to the process, which is ours alone."""
    Image.MAX_IMAGE_PIXELS = limits.max_pixels  # some of Pillow's decoders check it before they allocate
    for module, option, value in _ONE_THREAD_OPTIONS:
        with suppress(ImportError):
            setattr(importlib.import_module(module), option, value)
    try:
        import resource  # not on Windows
    except ImportError:
        return
    bytes_needed = _BASE_BYTES + _BYTES_PER_PIXEL * limits.max_pixels + 2 * limits.max_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(OSError, ValueError, OverflowError):  # macOS refuses to set it; too large a number is no limit
        soft = bytes_needed if hard == resource.RLIM_INFINITY else min(bytes_needed, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _set_alarm(seconds: int) -> None:
    """Have the system end this process after this many seconds, never for 0; does nothing on Windows."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)
