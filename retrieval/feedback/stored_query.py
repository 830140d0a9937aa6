"""Queries as judgements keep them: parts and weights that json can write, and a key that tells two apart."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from indexer.errors import FeedbackError, QueryError
from retrieval.query.query import Query


def parts_of(query: Query) -> dict[str, Any]:
    """Return texts, images as absolute paths, and weights of a query; its filter is no part of what was asked.

    Raises:
        FeedbackError: A picture of it is no file, so that it could not be asked again.
    """
    if not all(isinstance(image, Path) for image in query.images):
        raise FeedbackError("a query picture is no file, so that it cannot be kept; save it, and judge with its path")
    images = [os.path.realpath(image.expanduser()) for image in query.images if isinstance(image, Path)]
    return {"texts": list(query.texts), "images": images, "weights": query.part_weights}


def query_from(parts: Mapping[str, Any]) -> Query:
    """Return the query of `parts_of`.

    Raises:
        FeedbackError: The parts make no query.
    """
    try:
        texts, images, weights = parts["texts"], [Path(image) for image in parts["images"]], parts["weights"]
        return Query([str(text) for text in texts], images, [float(weight) for weight in weights])
    except (KeyError, TypeError, ValueError, QueryError) as error:
        raise FeedbackError(f"{parts!r} is no query ({error}); expected texts, images and weights") from error


def key_of(parts: Mapping[str, Any]) -> str:
    """Return the key of a query's parts: the same for the same, whatever else was asked for with them."""
    return json.dumps([parts["texts"], parts["images"], parts["weights"]])  # in ASCII: a file name may be no text


def name_of(parts: Mapping[str, Any]) -> str:
    """Return a query for people."""
    names = [*parts["texts"], *(os.path.basename(image) for image in parts["images"])]
    return " + ".join(
        name if weight == 1 else f"{weight:g}: {name}" for name, weight in zip(names, parts["weights"], strict=True)
    )
