"""The declared size of a JPEG XL file is read without decoding it."""

from __future__ import annotations

import pytest
from PIL import Image

from indexer.images.metadata.jxl import declared_size
from tests.support.pictures import encoded

pytest.importorskip("pillow_jxl")


@pytest.mark.parametrize("container", [True, False])
@pytest.mark.parametrize(
    "size",
    [(1, 1), (8, 8), (256, 256), (264, 8), (640, 480), (300, 200), (1920, 1080), (511, 3), (9000, 2), (2, 9000)],
)
def test_the_declared_size_is_read_with_and_without_a_container(size: tuple[int, int], container: bool) -> None:
    content = encoded(Image.new("RGB", size), "JXL", use_container=container, effort=1)
    assert declared_size(content) == size


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(64)]
)
def test_a_file_without_a_header_has_no_declared_size(content: bytes) -> None:
    assert declared_size(content) is None
