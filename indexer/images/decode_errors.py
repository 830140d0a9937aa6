"""The boundary around decoders: whatever they raise becomes one error, and their warnings stay inside."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from indexer.errors import FailureKind, PictureError


@contextmanager
def as_picture_error(found: str, size: int) -> Iterator[None]:
    """Turn whatever a decoder raises into a PictureError.

    Args:
        found: The format that is decoded.
        size: Bytes there are.

    Decoders of a dozen libraries read hostile bytes here and raise what they like: OSError, SyntaxError, struct.error,
    ValueError, EOFError, IndexError, RuntimeError. This is the boundary that gives all of them one name.
    """
    try:
        with _QUIET:
            yield
    except PictureError:
        raise
    except Exception as error:  # see above
        raise _failure(found, size, error) from error


_UNSUPPORTED = ("unsupported", "notimplemented", "unknown pixel mode", "nothumbnail", "not installed")
_CUT_SHORT = ("truncated", "end of file", "requires a buffer", "eoferror")
_TOO_LARGE = ("memoryerror", "decompressionbomberror", "decompressed data too large")
"""What the libraries say, in lower case, behind the name of the exception."""


def _failure(found: str, size: int, error: Exception) -> PictureError:
    """Return the error that says in one line what a decoder's odd one means."""
    reason = " ".join(str(error).split()).split(". ")[0][:200]  # some libraries add advice for programmers
    said = f"{type(error).__name__} {reason}".lower()
    if any(words in said for words in _TOO_LARGE):
        return PictureError(FailureKind.TOO_LARGE, f"decoding this {found} takes more memory than a picture may use")
    if any(words in said for words in _UNSUPPORTED):
        return PictureError(FailureKind.UNSUPPORTED, f"this kind of {found} cannot be read ({reason})")
    if any(words in said for words in _CUT_SHORT):
        return PictureError(FailureKind.DAMAGED, f"the {found} data ends early, after {size:,} bytes")
    return PictureError(FailureKind.DAMAGED, f"the {found} data is damaged ({reason or type(error).__name__})")


class _Quiet:
    """Keeps the decoders' warnings from the app while at least one thread decodes.

    `warnings.catch_warnings` alone is not safe here: two threads that overlap may leave its filter in place for ever.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.|pi_heif|pillow_jxl|rawpy")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._caught.__exit__(None, None, None)


_QUIET = _Quiet()
