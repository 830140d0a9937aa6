"""What is asked: texts and pictures together, with filters."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from indexer.catalog.queries import Filters
from indexer.errors import QueryError

Picture = Path | Image.Image | bytes
"""A query picture: a file, an open picture, or the bytes of a file."""


@dataclass(frozen=True, slots=True)
class Query:
    """Any mix of texts and pictures, with filters.

    The query vector is the sum of the unit vectors of all parts, scaled to unit length: each part counts the same.

    Attributes:
        texts: Descriptions, none of them blank.
        images: Pictures.
        filters: Which items may be returned.
    """

    texts: Sequence[str] = ()
    images: Sequence[Picture] = ()
    filters: Filters = field(default_factory=Filters)

    def __post_init__(self) -> None:
        """Refuse a query that asks for nothing.

        Raises:
            QueryError: There is neither text nor picture, or a text is blank.
        """
        if not self.texts and not self.images:
            raise QueryError("the query is empty; give words, a picture, or both")
        if any(not text.strip() for text in self.texts):
            raise QueryError('the query text is blank; describe what is to be seen, for instance "a dog on the beach"')

    @property
    def terms(self) -> list[str]:
        """A name for each part, texts first, for people."""
        return [*self.texts, *(_name(image) for image in self.images)]


def _name(image: Picture) -> str:
    return os.fspath(image) if isinstance(image, Path) else "image"
