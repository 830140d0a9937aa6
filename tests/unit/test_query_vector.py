"""Vectors as queries: values that are checked, scaled and compared by their numbers."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.errors import QueryError
from retrieval.query.part import Part
from retrieval.query.query import Query, as_query
from retrieval.query.vector import QueryVector


@pytest.mark.parametrize("scale", [1e-300, 0.5, 1.0, 7.0, 1e300])
def test_a_vector_is_scaled_to_unit_length(scale: float) -> None:
    given = np.array([3.0, 0.0, -4.0]) * scale
    vector = QueryVector(given)
    np.testing.assert_allclose(vector.array, [0.6, 0.0, -0.8], rtol=1e-6)
    np.testing.assert_array_equal(given, np.array([3.0, 0.0, -4.0]) * scale)  # the caller's array is not changed


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32, ">f4"])
def test_vectors_of_any_type_of_number_with_one_direction_are_equal(dtype: str) -> None:
    vector = QueryVector(np.array([3, 0, 4], dtype=dtype))
    assert vector == QueryVector([0.75, 0, 1.0]) == QueryVector((3, 0, 4))
    assert hash(vector) == hash(QueryVector([3, 0, 4]))
    assert vector != QueryVector([3, 0, 4.001])


def test_a_vector_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        QueryVector([1, 2]).array[0] = 5


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ([0.0, 0.0], "the query vector is zero, or has numbers that are not finite"),
        ([np.nan, 1.0], "not finite"),
        ([np.inf, 1.0], "not finite"),
        ([], r"the query is an array of shape \(0,\)|is zero"),
        (np.ones((2, 3)), r"array of shape \(2, 3\) and type float64; expected a vector of shape \(d,\)"),
        (np.float32(1), r"array of shape \(\)"),
        (["a", "b"], "type <U1; expected a vector"),
        ([True, False], "type bool; expected a vector"),
        ([1 + 2j], "type complex128; expected a vector"),
        ([[1, 2], [3]], "the query is no vector"),
        ([None, 1], "type object; expected a vector"),
    ],
)
def test_what_is_no_vector_is_refused_with_its_shape_and_type(vector: object, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        QueryVector(vector)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("query", [None, 5, 0.5, np.float32(1)])
def test_a_number_is_no_query(query: object) -> None:
    with pytest.raises(QueryError, match="is not a query; expected words, a picture, a vector or a Query"):
        as_query(query, None)  # type: ignore[arg-type]  # on purpose


def test_vectors_follow_texts_and_pictures_in_a_query() -> None:
    vector = Part(QueryVector([1, 0]), -0.5)
    query = Query(["a dog"], [b"picture"], parts=[vector])
    assert [part.name for part in query.parts] == ["a dog", "image", "vector"]
    assert (query.texts, query.images, query.vectors) == (("a dog",), (b"picture",), (vector.content,))
    assert query.weights == (1.0, 1.0, -0.5)
    assert query == Query(parts=[vector, Part(b"picture"), Part("a dog")])
