"""A second encoder over photos of five colours, for tests of reranking in whole libraries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from indexer.types import Pixels, Vectors
from retrieval import Hit, Library
from tests.support.contents import rows
from tests.support.encoders import FakeEncoder

MORNING = datetime(2024, 5, 1, 9)  # noqa: DTZ001 - cameras write local time

COLORS = {"red.png": "red", "tomato.png": "tomato", "orange.png": "orange", "lime.png": "lime", "blue.png": "blue"}
"""Ordered by their cosine with red: 1, .90, .84, then two of 0, which are ordered by path: blue, lime."""


@dataclass
class TurnedEncoder(FakeEncoder):
    """Sees green as red, blue as green and red as blue in pictures, so that lime is most similar to the text "red"."""

    name: str = "fake/turned"
    fingerprint: str = "d1" * 20

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return the mean colours of pictures after their channels are rotated by one."""
        return super().encode_images(np.roll(pixels, -1, axis=-1))


def names(hits: Sequence[Hit]) -> list[str]:
    """Return the file names of hits, in order."""
    return [hit.path.name for hit in hits]


def stored_files(library: Library, encoder: FakeEncoder) -> list[str]:
    """Return the names of the files that have an embedding of this encoder in the catalog, by path."""
    statement = (
        "SELECT items.name FROM embeddings JOIN encoders ON encoder_id = encoders.id JOIN units ON unit_id = units.id "
        "JOIN items ON item_id = items.id WHERE fingerprint = ? ORDER BY items.path"
    )
    return [name for (name,) in rows(library, statement, encoder.fingerprint)]
