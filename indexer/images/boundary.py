"""The boundary around decoders: whatever they raise becomes one error, and their warnings stay inside."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from indexer.errors import FailureKind, PictureError
from indexer.images.formats import PictureFormat


@contextmanager
def one_error(found: PictureFormat, size: int) -> Iterator[None]:
    """Turn whatever a decoder raises into a PictureError.

    Args:
        found: The format that is decoded.
        size: Bytes there are.

    Decoders of a dozen libraries read hostile bytes here and raise what they like: OSError, SyntaxError, struct.error,
    ValueError, EOFError, IndexError, RuntimeError, Rust's panics. This is the boundary that gives all of them one name.
    """
    try:
        with _QUIET:
            yield
    except PictureError:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        message = f"decoding this {found} takes more memory than a picture may use"
        raise PictureError(FailureKind.TOO_LARGE, message) from error
    except Exception as error:  # see above
        raise _failure(found, size, error) from error


def _failure(found: PictureFormat, size: int, error: Exception) -> PictureError:
    """Return the error that says in one line what a decoder's odd one means."""
    reason = " ".join(str(error).split()).split(". ")[0][:200]  # some libraries add advice for programmers
    lower = f"{type(error).__name__} {reason}".lower()
    if "unsupported" in lower or "notimplemented" in lower or "unknown pixel mode" in lower or "nothumbnail" in lower:
        return PictureError(FailureKind.UNSUPPORTED, f"this kind of {found} cannot be read ({reason})")
    if isinstance(error, EOFError) or "truncated" in lower or "end of file" in lower:
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
                warnings.filterwarnings("ignore", module=r"PIL\.|pillow_heif|pillow_jxl|rawpy")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._caught.__exit__(None, None, None)


_QUIET = _Quiet()
