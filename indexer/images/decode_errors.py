"""The boundary around decoders: any exception becomes a PictureError, and warnings are suppressed."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from indexer.errors import FailureKind, PictureError
from indexer.forking import ForkSafe, watch_forks


@contextmanager
def as_picture_error(format_name: str, size: int) -> Iterator[None]:
    """Turn any exception of a decoder into a PictureError.

    A dozen libraries decode untrusted bytes here and raise OSError, SyntaxError, struct.error, ValueError, EOFError,
    IndexError, RuntimeError and others.

    Args:
        format_name: The format being decoded, for the message.
        size: Bytes of the file, for the message.

    Raises:
        PictureError: The picture cannot be decoded.
    """
    try:
        with _WARNINGS_SUPPRESSED:
            yield
    except PictureError:
        raise
    except Exception as error:  # see above
        raise _picture_error(format_name, size, error) from error


_UNSUPPORTED = (
    "unsupported",
    "notimplemented",
    "unknown pixel mode",
    "not supported",
    "cannot handle",
    "not installed",
)
_CUT_SHORT = ("truncated", "end of file", "requires a buffer", "eoferror")
_TOO_LARGE = ("memoryerror", "decompressionbomberror", "decompressed data too large")
"""Parts of the exceptions' class names and messages, in lower case."""

_UNCLEAR = {
    "not identified by this driver": "its header declares no picture",
    "cannot load this image": "it has no pixels",
    "decoder error -2": "its pixels cannot be decoded",
    "string index out of range": "its pixels are outside the file",
    "could not create decoder object": "its parts contradict each other",
}
"""Messages of Pillow that say nothing to a photographer."""

_BYTES = re.compile(r"\bb(['\"])(.*?)\1")


def _picture_error(format_name: str, size: int, error: Exception) -> PictureError:
    """Return the error that explains a decoder's exception in one line."""
    reason = _reason(error)
    description = f"{type(error).__name__} {reason}".lower()
    if any(words in description for words in _TOO_LARGE):
        return PictureError(
            FailureKind.TOO_LARGE, f"decoding this {format_name} takes more memory than a picture may use"
        )
    if "nothumbnail" in description:
        message = f"this {format_name} file has no preview, which is what Recall reads of it"
        return PictureError(FailureKind.UNSUPPORTED, message)
    if any(words in description for words in _UNSUPPORTED):
        return PictureError(FailureKind.UNSUPPORTED, f"this kind of {format_name} cannot be read ({reason})")
    if any(words in description for words in _CUT_SHORT):
        return PictureError(FailureKind.DAMAGED, f"the {format_name} data ends early, after {size:,} bytes")
    return PictureError(FailureKind.DAMAGED, f"the {format_name} data is damaged ({reason or type(error).__name__})")


def _reason(error: Exception) -> str:
    """Return the message of a decoder's exception in one line, without Python's notation of bytes."""
    first = error.args[0] if error.args else ""
    text = first.decode(errors="replace") if isinstance(first, bytes) else str(error)
    text = " ".join(text.split()).split(". ")[0]  # some libraries add advice for programmers
    text = _UNCLEAR.get(text, text)
    return _BYTES.sub(lambda found: "" if "\\" in found[2] else found[2], text)[:200].strip()


class _WarningsSuppressed(ForkSafe):
    """Context manager that hides the decoders' warnings from the app while at least one thread decodes.

    `warnings.catch_warnings` is not thread-safe: two overlapping threads may leave its filter in place for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread_count = 0
        self._filters = warnings.catch_warnings()
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Forget the threads of the parent that were decoding."""
        self._lock = threading.Lock()
        if self._thread_count:
            self._filters.__exit__(None, None, None)
        self._thread_count = 0

    def __enter__(self) -> None:
        with self._lock:
            self._thread_count += 1
            if self._thread_count == 1:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.|pi_heif|pillow_jxl|rawpy")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._thread_count -= 1
            if self._thread_count == 0:
                self._filters.__exit__(None, None, None)


_WARNINGS_SUPPRESSED = _WarningsSuppressed()
