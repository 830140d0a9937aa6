"""Queries as judgements store them: parts and weights as JSON, and a key that identifies a query."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from indexer.errors import FeedbackError, QueryError
from indexer.object_path import file_path, is_object
from retrieval.query.query import Query


def query_parts(query: Query) -> dict[str, Any]:
    """Return texts, images as absolute paths, and weights of a query; its filter is left out.

    Raises:
        FeedbackError: A picture of the query is not a file, so the query could not be repeated, or a part is a vector.
    """
    if query.vectors:
        raise FeedbackError("a query by a vector cannot be stored for judgements; judge one of words or pictures")
    if not all(isinstance(image, Path) for image in query.images):
        raise FeedbackError("a query picture is not a file and cannot be stored; save it, and judge with its path")
    images = [_real_path(image) for image in query.images if isinstance(image, Path)]
    return {"texts": list(query.texts), "images": images, "weights": list(query.weights)}


def query_from_parts(parts: Mapping[str, Any]) -> Query:
    """Return the query with the parts that `query_parts` returned.

    Raises:
        FeedbackError: The parts do not make a query.
    """
    try:
        texts, images, weights = parts["texts"], [file_path(image) for image in parts["images"]], parts["weights"]
        return Query([str(text) for text in texts], images, [float(weight) for weight in weights])
    except (KeyError, TypeError, ValueError, QueryError) as error:
        raise FeedbackError(f"{parts!r} is not a query ({error}); expected texts, images and weights") from error


def query_key(parts: Mapping[str, Any]) -> str:
    """Return the key of a query's parts, which is the same for equal queries."""
    return json.dumps([parts["texts"], parts["images"], parts["weights"]])  # ASCII: a file name may be no valid text


def query_name(parts: Mapping[str, Any]) -> str:
    """Return a query in one line for people."""
    names = [*parts["texts"], *(os.path.basename(image) for image in parts["images"])]
    return " + ".join(
        name if weight == 1 else f"{weight:g}: {name}" for name, weight in zip(names, parts["weights"], strict=True)
    )


def _real_path(image: Path) -> str:
    return str(image) if is_object(image) else os.path.realpath(image.expanduser())
