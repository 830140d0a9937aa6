"""Queries: weighted texts and pictures, with a filter."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Number
from typing import TYPE_CHECKING, cast

from indexer.catalog.filters.expression import Filter, combine_filters
from indexer.errors import QueryError
from indexer.object_path import file_path
from indexer.types import require_list
from retrieval.query.part import Part, Picture
from retrieval.query.vector import QueryVector, VectorLike, is_vector

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True, init=False)
class Query:
    """Any mix of weighted texts and pictures, with a filter.

    For parts with unit vectors v_i and weights w_i the query vector is q / |q| with q = w_1 v_1 + … + w_p v_p.

    Attributes:
        parts: The parts: texts, then pictures, then vectors.
        where: Filter for results; None lets everything pass.
        excluded: Descriptions of what no result may show.
    """

    parts: tuple[Part, ...]
    where: Filter | None
    excluded: tuple[str, ...]

    def __init__(
        self,
        texts: Sequence[str] = (),
        images: Sequence[Picture] = (),
        weights: Sequence[float] | None = None,
        where: Filter | None = None,
        *,
        parts: Iterable[Part] = (),
        excluded: Sequence[str] = (),
    ) -> None:
        """Make a query of texts and pictures, or of parts.

        Args:
            texts: Descriptions, none of them blank.
            images: Pictures: files, PIL images, or the bytes of files.
            weights: One for each text and then for each picture: up to 1,000,000 and not 0. A negative weight pushes
                away what is similar to the part. None gives each the weight 1.
            where: Filter for results; None lets everything pass.
            parts: Further parts.
            excluded: Descriptions of what no result may show, none of them blank. Results that probably match one are
                left out; unlike a part with a negative weight, it does not change what the others are compared with. A
                query of these alone finds everything else.

        Raises:
            QueryError: The query has no part and excludes nothing, a text is blank, or a weight cannot be used.
            ValueError: The number of weights is not that of texts and images.
            TypeError: `texts`, `images` or `excluded` is one text or picture.
        """
        require_list(excluded, "excluded")
        require_list(texts, "texts")
        require_list(images, "images")
        contents: list[str | Picture] = [*texts, *images]
        if weights is not None and len(weights) != len(contents):
            raise ValueError(f"there are {len(weights)} weights for {len(contents)} parts; expected one for each")
        factors = [1.0] * len(contents) if weights is None else map(float, weights)
        every = [*parts, *(Part(content, weight) for content, weight in zip(contents, factors, strict=True))]
        if not every and not excluded:
            raise QueryError("the query is empty; give words, a picture, or both")
        object.__setattr__(self, "parts", tuple(sorted(every, key=_order)))
        object.__setattr__(self, "where", where)
        object.__setattr__(self, "excluded", tuple(str(Part(text).content) for text in excluded))  # raises if blank

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts."""
        return tuple(part.content for part in self.parts if isinstance(part.content, str))

    @property
    def images(self) -> tuple[Picture, ...]:
        """The pictures."""
        return tuple(part.content for part in self.parts if not isinstance(part.content, str | QueryVector))

    @property
    def vectors(self) -> tuple[QueryVector, ...]:
        """The vectors of the library's encoder."""
        return tuple(part.content for part in self.parts if isinstance(part.content, QueryVector))

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each part."""
        return tuple(part.weight for part in self.parts)

    @property
    def keywords(self) -> str:
        """The texts with positive weights, for full-text search; "" if there are none."""
        return " ".join(part.content for part in self.parts if isinstance(part.content, str) and part.weight > 0)


def _order(part: Part) -> tuple[bool, bool]:
    return isinstance(part.content, QueryVector), part.is_image


def as_picture(image: str | os.PathLike[str] | Image.Image | bytes) -> Picture:
    """Return a picture as a query holds it: the name of a file becomes a Path."""
    return file_path(image).expanduser() if isinstance(image, str | os.PathLike) else image


def as_content(query: object) -> str | Picture | QueryVector:
    """Return what a part holds of words, a picture or a vector.

    Raises:
        QueryError: The vector cannot be used, or it is none of them.
    """
    if query is None or isinstance(query, Number):
        raise QueryError(f"{query!r} is not a query; expected words, a picture, a vector or a Query")
    return QueryVector(cast("VectorLike", query)) if is_vector(query) else cast("str | Picture", query)


def as_query(query: str | Picture | Query | VectorLike, image: Picture | None, where: Filter | None = None) -> Query:
    """Return one Query of words, a picture, a vector or a query, together with another picture and another filter.

    Raises:
        QueryError: The words are blank, or the vector cannot be used.
    """
    base = query if isinstance(query, Query) else Query(parts=[Part(as_content(query))])
    images = () if image is None else (Part(image),)
    return replace(base, parts=(*base.parts, *images), where=combine_filters(base.where, where))
