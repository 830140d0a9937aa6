"""One part of a query: a text, a picture or a vector with a weight."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from indexer.errors import QueryError
from retrieval.query.vector import QueryVector

if TYPE_CHECKING:
    from PIL import Image

Picture: TypeAlias = "Path | Image.Image | bytes"
"""A query picture: a file, a PIL image, or the bytes of a file."""

_MAX_WEIGHT = 1_000_000
"""The largest weight of a part; the smallest is its inverse. A larger ratio is lost in float32."""


@dataclass(frozen=True, slots=True)
class Part:
    """One text, picture or vector of a query.

    Attributes:
        content: A text, a picture (a file, a PIL image, or the bytes of a file), or a vector of the library's encoder.
        weight: How much the part counts. A negative weight pushes away what is similar to it.
    """

    content: str | Picture | QueryVector
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Check the part.

        Raises:
            QueryError: The text is blank, or the weight is 0, too large or too small.
        """
        object.__setattr__(self, "weight", float(self.weight))  # 2 and 2.0 are stored as the same query
        if isinstance(self.content, str) and not self.content.strip():
            raise QueryError('the query text is blank; describe what to look for, for instance "a dog on the beach"')
        if not 1 / _MAX_WEIGHT <= abs(self.weight) <= _MAX_WEIGHT:
            raise QueryError(
                f"the query part {self.name!r} has the weight {self.weight:g}; expected a number other than 0, for "
                f"instance 2 or .5, up to {_MAX_WEIGHT:,}"
            )

    @property
    def is_image(self) -> bool:
        """Whether the part is a picture."""
        return not isinstance(self.content, str | QueryVector)

    @property
    def name(self) -> str:
        """The text, the path of the picture, "image" for a picture without one, or "vector"."""
        if isinstance(self.content, QueryVector):
            return "vector"
        return os.fspath(self.content) if isinstance(self.content, str | Path) else "image"
