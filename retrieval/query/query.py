"""What is asked: weighted texts and pictures together, with a filter."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from indexer.catalog.filters.expression import Filter, combine_filters
from indexer.errors import QueryError

if TYPE_CHECKING:
    from PIL import Image

Picture: TypeAlias = "Path | Image.Image | bytes"
"""A query picture: a file, an open picture, or the bytes of a file."""

HEAVIEST = 1_000_000
"""The most that a part may count, and the least is one by it: beyond, float32 knows only one part or none."""


@dataclass(frozen=True, slots=True)
class Query:
    """Any mix of weighted texts and pictures, with a filter.

    Of parts with unit vectors v_i and weights w_i the query vector is q / |q| with q = w_1 v_1 + … + w_p v_p. Without
    weights each part counts the same. A part with a weight below 0 pushes away what is like it.

    Attributes:
        texts: Descriptions, none of them blank.
        images: Pictures.
        weights: One for each part, texts first, not 0, up to `HEAVIEST` and from 1 by it; None gives each part 1.
        where: What may be returned; None lets everything pass.
    """

    texts: Sequence[str] = ()
    images: Sequence[Picture] = ()
    weights: Sequence[float] | None = None
    where: Filter | None = None

    def __post_init__(self) -> None:
        """Refuse a query that asks for nothing.

        Raises:
            QueryError: There is neither text nor picture, a text is blank, or a weight cannot be used.
            ValueError: There are more or fewer weights than parts.
        """
        if isinstance(self.texts, str):
            raise TypeError(f"texts is the string {self.texts!r}; expected a sequence of strings")
        parts = len(self.texts) + len(self.images)
        if not parts:
            raise QueryError("the query is empty; give words, a picture, or both")
        if any(not text.strip() for text in self.texts):
            raise QueryError('the query text is blank; describe what is to be seen, for instance "a dog on the beach"')
        if self.weights is None:
            return
        if len(self.weights) != parts:
            raise ValueError(f"there are {len(self.weights)} weights for {parts} parts; expected one for each")
        for weight in self.weights:
            if not 1 / HEAVIEST <= abs(weight) <= HEAVIEST:
                raise QueryError(
                    f"a part of the query has the weight {weight:g}; expected a number that is not 0, for instance 2 "
                    f"or .5, up to {HEAVIEST:,}"
                )

    @property
    def terms(self) -> list[str]:
        """A name for each part, texts first, for people."""
        return [*self.texts, *(_name(image) for image in self.images)]

    @property
    def words(self) -> str:
        """All texts that are looked for, not those that push away, for full-text search; "" where there are none."""
        return " ".join(text for text, weight in zip(self.texts, self.part_weights, strict=False) if weight > 0)

    @property
    def part_weights(self) -> list[float]:
        """What each part counts, texts first."""
        return [1.0] * len(self.terms) if self.weights is None else [float(weight) for weight in self.weights]


def as_picture(image: str | os.PathLike[str] | Image.Image | bytes) -> Picture:
    """Return a picture as queries hold it: what names a file becomes a Path."""
    return Path(image) if isinstance(image, str | os.PathLike) else image


def as_query(query: str | Picture | Query, image: Picture | None, where: Filter | None = None) -> Query:
    """Return what was asked as one Query: words or a picture or a query, a further picture, a further filter."""
    extra = () if image is None else (image,)
    if isinstance(query, Query):
        weights = None if query.weights is None else (*query.weights, *(1.0 for _ in extra))
        images = (*query.images, *extra)
        return replace(query, images=images, weights=weights, where=combine_filters(query.where, where))
    if isinstance(query, str):
        return Query((query,), extra, where=where)
    return Query((), (query, *extra), where=where)


def query_of(parts: Sequence[tuple[str | Picture, float]]) -> Query:
    """Return parts with their weights, words or pictures, as one Query."""
    texts = [(value, weight) for value, weight in parts if isinstance(value, str)]
    pictures = [(value, weight) for value, weight in parts if not isinstance(value, str)]
    return Query(
        texts=[text for text, _ in texts],
        images=[picture for picture, _ in pictures],
        weights=[weight for _, weight in (*texts, *pictures)],
    )


def _name(image: Picture) -> str:
    return os.fspath(image) if isinstance(image, Path) else "image"
