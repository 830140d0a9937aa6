"""Any file gives a picture or a PictureError of the right kind."""

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

NO_DEADLINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
SQUARE = Preprocess(32)
SMALL = Limits(max_pixels=100_000, max_bytes=1_000_000)
REAL_FILES = {
    kind: encoded(
        quadrants(), kind, **({"exif": exif_block(orientation=6, position=(1.5, 2.5))} if kind != "BMP" else {})
    )
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "HEIF")
}


def read_error(path: Path) -> PictureError | None:
    """Return the error of reading a photo, None if it can be read."""
    try:
        photo = read_photo(path, preprocess=SQUARE)
    except PictureError as error:
        return error
    assert photo.pixels.shape == (32, 32, 3)
    return None


@pytest.mark.skipif(sys.platform == "win32", reason="no FIFOs, and links need permissions")
def test_each_hostile_file_is_read_or_fails_with_the_expected_kind(tmp_path: Path) -> None:
    expectations = hostile_folder(tmp_path / "hostile")
    assert len(expectations) > 50
    for expected in expectations:
        failure = read_error(expected.path)
        assert (failure.kind if failure else None) == expected.failure, os.fsencode(expected.path.name)
        if failure:  # one line, without the path, which the caller adds
            assert "\n" not in str(failure)
            assert str(tmp_path) not in str(failure)
            assert len(str(failure)) < 300


def check_open(content: bytes) -> None:
    """Fail unless opening a possibly damaged picture gives a valid picture or a PictureError."""
    try:
        picture, metadata = open_picture(content, limits=SMALL)
    except PictureError:
        return
    assert picture.mode == "RGB"
    assert np.asarray(picture).shape[2] == 3
    assert metadata.width * metadata.height <= SMALL.max_pixels


@NO_DEADLINE
@given(st.binary(max_size=2000), st.sampled_from([b"", *(content[:16] for content in REAL_FILES.values())]))
def test_random_bytes_raise_only_picture_error(content: bytes, start: bytes) -> None:
    check_open(start + content)


@NO_DEADLINE
@given(st.data(), st.sampled_from(sorted(REAL_FILES)))
def test_randomly_changed_files_raise_only_picture_error(data: st.DataObject, kind: str) -> None:
    content = bytearray(REAL_FILES[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    check_open(bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))]))
