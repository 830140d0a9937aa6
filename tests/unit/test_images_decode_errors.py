"""Exceptions of decoders become PictureError, and their warnings are suppressed."""

from __future__ import annotations

import struct
import threading
import warnings

import pytest
from PIL import Image

from indexer.errors import FailureKind, PictureError
from indexer.images.decode_errors import as_picture_error
from indexer.images.formats import PictureFormat


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (MemoryError(), FailureKind.TOO_LARGE, "decoding this PNG takes more memory than a picture may use"),
        (
            Image.DecompressionBombError("x"),
            FailureKind.TOO_LARGE,
            "decoding this PNG takes more memory than a picture may use",
        ),
        (
            OSError("image file is truncated (7 bytes not processed)"),
            FailureKind.DAMAGED,
            "the PNG data ends early, after 1,234 bytes",
        ),
        (EOFError(), FailureKind.DAMAGED, "the PNG data ends early, after 1,234 bytes"),
        (
            struct.error("unpack requires a buffer of 4 bytes"),
            FailureKind.DAMAGED,
            "the PNG data ends early, after 1,234 bytes",
        ),
        (SyntaxError("broken\nPNG file"), FailureKind.DAMAGED, "the PNG data is damaged (broken PNG file)"),
        (RuntimeError("Generic. Please rebuild."), FailureKind.DAMAGED, "the PNG data is damaged (Generic)"),
        (IndexError(), FailureKind.DAMAGED, "the PNG data is damaged (IndexError)"),
        (NotImplementedError("mode 9"), FailureKind.UNSUPPORTED, "this kind of PNG cannot be read (mode 9)"),
    ],
)
def test_each_exception_becomes_a_picture_error_of_one_line(error: Exception, kind: FailureKind, message: str) -> None:
    with pytest.raises(PictureError) as caught, as_picture_error(PictureFormat.PNG, 1234):
        raise error
    assert caught.value.kind is kind
    assert str(caught.value) == message
    assert caught.value.__cause__ is error


def test_a_picture_error_is_not_changed() -> None:
    error = PictureError(FailureKind.TOO_LARGE, "too large")
    with pytest.raises(PictureError) as caught, as_picture_error(PictureFormat.PNG, 1):
        raise error
    assert caught.value is error


def test_keyboard_interrupt_is_not_changed() -> None:
    with pytest.raises(KeyboardInterrupt), as_picture_error(PictureFormat.PNG, 1):
        raise KeyboardInterrupt


def test_warnings_of_decoders_are_suppressed() -> None:
    with as_picture_error(PictureFormat.PNG, 1):
        warnings.warn_explicit("of the decoder", UserWarning, "x.py", 1, module="PIL.TiffImagePlugin")


def test_warnings_of_the_app_are_not_suppressed() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with as_picture_error(PictureFormat.PNG, 1):
            warnings.warn_explicit("of the app", UserWarning, "x.py", 1, module="app")
    assert [str(warning.message) for warning in caught] == ["of the app"]


def test_overlapping_threads_restore_the_warning_filters() -> None:
    before = list(warnings.filters)
    first_started, second_started = threading.Event(), threading.Event()

    def first() -> None:
        with as_picture_error(PictureFormat.PNG, 1):
            first_started.set()
            second_started.wait(10)

    def second() -> None:
        first_started.wait(10)
        with as_picture_error(PictureFormat.PNG, 1):
            second_started.set()
            threads[0].join(10)

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert list(warnings.filters) == before
