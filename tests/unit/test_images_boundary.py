"""Whatever a decoder raises has one name, and its warnings stay inside."""

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
def test_each_odd_error_is_told_in_one_line_for_people(error: Exception, kind: FailureKind, message: str) -> None:
    with pytest.raises(PictureError) as caught, as_picture_error(PictureFormat.PNG, 1234):
        raise error
    assert caught.value.kind is kind
    assert str(caught.value) == message
    assert caught.value.__cause__ is error


def test_a_picture_error_passes_as_it_is() -> None:
    error = PictureError(FailureKind.TOO_LARGE, "too large")
    with pytest.raises(PictureError) as caught, as_picture_error(PictureFormat.PNG, 1):
        raise error
    assert caught.value is error


def test_ctrl_c_passes() -> None:
    with pytest.raises(KeyboardInterrupt), as_picture_error(PictureFormat.PNG, 1):
        raise KeyboardInterrupt


def test_warnings_of_decoders_stay_inside() -> None:
    with as_picture_error(PictureFormat.PNG, 1):
        warnings.warn_explicit("theirs", UserWarning, "x.py", 1, module="PIL.TiffImagePlugin")


def test_warnings_of_the_app_come_through() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with as_picture_error(PictureFormat.PNG, 1):
            warnings.warn_explicit("ours", UserWarning, "x.py", 1, module="app")
    assert [str(warning.message) for warning in caught] == ["ours"]


def test_threads_that_overlap_leave_the_filters_as_they_were() -> None:
    before = list(warnings.filters)
    first_in, second_in = threading.Event(), threading.Event()

    def first() -> None:
        with as_picture_error(PictureFormat.PNG, 1):
            first_in.set()
            second_in.wait(10)

    def second() -> None:
        first_in.wait(10)
        with as_picture_error(PictureFormat.PNG, 1):
            second_in.set()
            threads[0].join(10)

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert list(warnings.filters) == before
