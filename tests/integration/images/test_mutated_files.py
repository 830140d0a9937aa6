"""Thousands of damaged pictures of nine formats: each is read or refused with a clear message; nothing hangs."""

from __future__ import annotations

import importlib.util
import random
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from indexer.errors import FailureKind, PictureError
from indexer.images import Limits
from indexer.images.workers import PictureReader
from indexer.types import Preprocess
from tests.support.blocks import xmp_block
from tests.support.pictures import encoded, exif_block, quadrants

EXPECTED = {
    FailureKind.DAMAGED,
    FailureKind.EMPTY,
    FailureKind.NOT_A_PICTURE,
    FailureKind.TOO_LARGE,
    FailureKind.UNSUPPORTED,
}
SECONDS = 20.0
"""Time limit of a picture; each has 2,048 pixels, and the slowest of 5,000 takes half a second."""


def whole_files() -> list[bytes]:
    """Return small files of all formats, with metadata where the format has any."""
    picture, exif, xmp = quadrants(), exif_block(orientation=6, position=(1.5, 2.5)), xmp_block(title="A title")
    files = [encoded(picture, kind, exif=exif) for kind in ("PNG", "TIFF")]
    files += [encoded(picture, kind, exif=exif, xmp=xmp) for kind in ("JPEG", "WEBP", "AVIF", "HEIF")]
    files += [encoded(picture, kind) for kind in ("GIF", "BMP")]
    if importlib.util.find_spec("pillow_jxl"):
        files.append(encoded(picture, "JXL", exif=exif))
    files += [encoded(picture, "JPEG", progressive=True), encoded(picture.convert("L"), "TIFF", compression="tiff_lzw")]
    return files


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a file with up to eight changes: bytes replaced, inserted, removed, repeated or cut off."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        start = chance.randrange(len(data) + 1)
        length = chance.choice((1, 1, 1, 2, 4, 16, 200))
        match chance.randrange(6):
            case 0 | 1:
                data[start : start + length] = chance.randbytes(min(length, len(data) - start))
            case 2:
                data[start : start + length] = bytes((chance.choice((0, 0x7F, 0x80, 0xFF)),)) * length
            case 3:
                data[start:start] = chance.randbytes(length)
            case 4:
                data[start:start] = data[start : start + length]
            case _:
                del data[start : start + (length if chance.random() < 0.8 else len(data))]
    return bytes(data)


def results(seed: int, count: int) -> Iterator[tuple[int, PictureError | None]]:
    """Yield the number of each mutation and the error of reading it, None if it can be read."""
    chance, files = random.Random(seed), whole_files()
    reader = PictureReader(limits=Limits(max_pixels=10_000_000), timeout=SECONDS)
    for number in range(count):
        content = mutated(files[number % len(files)], chance)
        try:
            assert reader.pixels(content, preprocess=Preprocess(32)).shape == (32, 32, 3)
        except PictureError as error:
            yield number, error
        else:
            yield number, None
    reader.close()


@pytest.mark.parametrize("count", [pytest.param(400, id="a part"), pytest.param(5000, marks=pytest.mark.slow)])
def test_each_mutation_is_read_or_refused_with_a_clear_message(count: int) -> None:
    kinds: Counter[str] = Counter()
    for number, error in results(seed=count, count=count):
        kinds["read" if error is None else error.kind] += 1
        if error is None:
            continue
        assert error.kind in EXPECTED, f"mutation {number}: {error}"
        message = str(error)
        assert len(message) < 300, number
        assert message.isprintable(), f"mutation {number}: {message!r}"
        assert not re.search(r"\bb['\"]|0x[0-9a-f]{6}|Traceback", message), f"mutation {number}: {message}"
    assert kinds["read"] > count / 20, kinds  # or the mutations would test nothing but the first bytes
    assert kinds[FailureKind.DAMAGED] > count / 5, kinds
