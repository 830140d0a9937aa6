"""The store of a library: its index in memory follows the catalog on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.errors import EncoderMismatchError
from indexer.types import Pixels, Vectors
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.encoders import FakeEncoder


class WideEncoder(FakeEncoder):
    """The fake encoder with a fourth dimension, always 0."""

    def encode_images(self, pixels: Pixels) -> Vectors:
        return np.pad(super().encode_images(pixels), ((0, 0), (0, 1)))


def test_an_open_library_notices_that_another_encoder_indexed_it(library: Library, folder: Path) -> None:
    red, blue = paint(folder / "a.png", "red"), paint(folder / "b.png", "blue")
    library.sync(folder)
    assert [hit.path for hit in library.similar(red)] == [blue]  # loads the index
    library.forget(folder)
    wide = WideEncoder(name="fake/wide", fingerprint="ff" * 20, dim=4)
    with Library.open(library.name, encoder=wide) as other:
        other.sync(folder)
    assert [hit.path for hit in library.similar(red)] == [blue]  # compares stored vectors, of the new encoder
    with pytest.raises(EncoderMismatchError, match="fake/wide"):
        library.search("red")
