"""What runs inside a worker process."""

from __future__ import annotations

import importlib
import math
import os
import pickle
import signal
import sys
from contextlib import suppress
from pathlib import Path

from PIL import Image

from indexer.errors import FailureKind, PictureError
from indexer.images import Limits, Photo, read_photo
from indexer.images.workers.framing import receive, send
from indexer.types import Preprocess

_SECONDS_AFTER_PARENT = 5
"""A worker whose parent was killed ends when it finds its input closed, and, if a decoder hangs, this long after the
item's limit."""

_BYTES_PER_PIXEL = 16
"""Memory that a decoding picture may take: four copies (decoded, converted, laid on white, turned) at Pillow's four
bytes a pixel. Measured: 13 bytes a pixel for a transparent PNG of 200 million."""

_BYTES_BESIDE = 1024**3
"""Address space for the interpreter and its libraries (0.15 GB), the decoders' tables and the square that is made."""

_ONE_THREAD_OPTIONS = (
    ("PIL.AvifImagePlugin", "DEFAULT_MAX_THREADS", 1),
    ("pi_heif.options", "DECODE_THREADS", 1),
    ("pillow_jxl.JpegXLImagePlugin", "DECODE_THREADS", 0),
)
"""Module, option, value: these decoders would start a thread per core."""


def serve() -> None:
    """Answer the frames on standard input until it is closed; what a worker process runs."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    order = receive(questions)
    if order is None:
        return
    preprocess, limits, timeout = pickle.loads(order)  # noqa: S301 written by the process that started this one
    _confine(limits)
    send(answers, b"ready")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):  # what C libraries print would garble the frames and the app's progress bar
        os.dup2(nowhere, stream)
    while (question := receive(questions)) is not None:
        _set_alarm(math.ceil(timeout) + _SECONDS_AFTER_PARENT)
        path, sidecar = pickle.loads(question)  # noqa: S301 as above
        answer = _answer(path, sidecar, preprocess, limits)
        _set_alarm(0)
        send(answers, pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL))


def _answer(
    path: Path, sidecar: Path | None, preprocess: Preprocess, limits: Limits
) -> Photo | tuple[FailureKind, str]:
    """Return a file's photo, or the kind and the message of its failure: an error of two arguments does not pickle."""
    try:
        return read_photo(path, preprocess=preprocess, limits=limits, sidecar=sidecar)
    except PictureError as error:
        return error.kind, str(error)


def _confine(limits: Limits) -> None:
    """Set what is global to a process and may be set here, because the process is ours."""
    Image.MAX_IMAGE_PIXELS = limits.max_pixels  # some decoders of Pillow ask this before they allocate
    for module, option, value in _ONE_THREAD_OPTIONS:
        with suppress(ImportError):
            setattr(importlib.import_module(module), option, value)
    try:
        import resource  # not on Windows
    except ImportError:
        return
    wanted = _BYTES_BESIDE + _BYTES_PER_PIXEL * limits.max_pixels + 2 * limits.max_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(OSError, ValueError):  # macOS knows the limit and refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _set_alarm(seconds: int) -> None:
    """Have the system end this process after so many seconds, never for 0; where the system can."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)
