"""Whatever a folder holds, a picture comes out or one PictureError with the right kind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.errors import PictureError
from indexer.images import Limits, open_picture, read_photo
from indexer.types import Preprocess
from tests.support.hostile import hostile_folder
from tests.support.pictures import encoded, exif_block, quadrants

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # other tests may run beside
SQUARE = Preprocess(32)
SMALL = Limits(max_pixels=100_000, max_bytes=1_000_000)
WHOLE = {
    kind: encoded(
        quadrants(), kind, **({"exif": exif_block(orientation=6, position=(1.5, 2.5))} if kind != "BMP" else {})
    )
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "HEIF")
}


def failure_of(path: Path) -> PictureError | None:
    """Return the error of reading a photo, None where it can be read."""
    try:
        photo = read_photo(path, preprocess=SQUARE)
    except PictureError as error:
        return error
    assert photo.pixels.shape == (32, 32, 3)
    return None


@pytest.mark.skipif(sys.platform == "win32", reason="has no FIFOs, and links need rights")
def test_each_hostile_file_is_refused_for_its_reason_or_read(tmp_path: Path) -> None:
    expectations = hostile_folder(tmp_path / "hostile")
    assert len(expectations) > 50
    for expected in expectations:
        failure = failure_of(expected.path)
        assert (failure.kind if failure else None) == expected.failure, os.fsencode(expected.path.name)
        if failure:  # one line, for people, to which the caller adds the path
            assert "\n" not in str(failure)
            assert str(tmp_path) not in str(failure)
            assert len(str(failure)) < 300


def open_or_fail(content: bytes) -> None:
    """Open a picture that may be garbled; fail on any outcome but a sound picture and a PictureError."""
    try:
        picture, metadata = open_picture(content, limits=SMALL)
    except PictureError:
        return
    assert picture.mode == "RGB"
    assert np.asarray(picture).shape[2] == 3
    assert metadata.width * metadata.height <= SMALL.max_pixels


@UNHURRIED
@given(st.binary(max_size=2000), st.sampled_from([b"", *(whole[:16] for whole in WHOLE.values())]))
def test_random_bytes_never_raise_anything_but_picture_error(content: bytes, start: bytes) -> None:
    open_or_fail(start + content)


@UNHURRIED
@given(st.data(), st.sampled_from(sorted(WHOLE)))
def test_random_changes_of_real_files_never_raise_anything_but_picture_error(data: st.DataObject, kind: str) -> None:
    content = bytearray(WHOLE[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    open_or_fail(bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))]))
