"""Places, distances, sizes, ratings and comparisons of metadata as people write them."""

from __future__ import annotations

import pytest

from indexer.errors import QueryError
from retrieval import Filter
from retrieval.query.parse_values import read_coordinates, read_distance, read_metadata, read_rating, read_size


def test_coordinates_are_two_numbers_and_other_texts_give_none() -> None:
    assert read_coordinates("52.5, 13.4") == (52.5, 13.4)
    assert read_coordinates("-33.9,151") == (-33.9, 151.0)
    assert read_coordinates("95,0") == (95.0, 0.0)  # valid syntax; the filter checks the range
    assert [read_coordinates(text) for text in ("photo.jpg", "1,2,3", "52.5", "")] == [None] * 4


def test_a_distance_is_converted_to_kilometres() -> None:
    assert [read_distance(text) for text in ("5", "5km", "500 m", "1 mi", ".5KM")] == [5, 5, 0.5, 1.609344, 0.5]
    for text in ("", "far", "0", "-1km", "5 parsecs"):
        with pytest.raises(QueryError, match="is not a distance; expected for instance 5km"):
            read_distance(text)


def test_a_size_is_two_sides_or_megapixels() -> None:
    assert read_size("1920x1080") == read_size("1080 X 1920") == Filter.min_size(1920, 1080)
    assert read_size("12mp") == Filter.min_pixels(12_000_000)
    assert read_size("0.5 MP") == Filter.min_pixels(500_000)
    for text in ("1920", "big", "1920x", "-1x5"):
        with pytest.raises(QueryError, match="is not a size; expected pixels such as 1920x1080"):
            read_size(text)


def test_a_rating_is_a_minimum_or_a_range() -> None:
    assert read_rating("4") == read_rating("4+") == read_rating("4-5") == Filter.rating(4)
    assert read_rating("2-3") == Filter.rating(2, 3)
    for text in ("", "best", "4-", "10"):
        with pytest.raises(QueryError, match="is not a rating"):
            read_rating(text)
    with pytest.raises(QueryError, match="there is no rating from 4 to 3"):
        read_rating("4-3")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("price<10", "(meta('price') < '10')"),
        ("price >= 5.5", "(meta('price') >= '5.5')"),
        ("shop=Berlin", "(meta('shop') == 'Berlin')"),
        ("shop==Berlin", "(meta('shop') == 'Berlin')"),
        ("shop = Berlin, Paris ,Rome", "meta('shop').one_of('Berlin', 'Paris', 'Rome')"),
        ('shop="Berlin, Mitte"', "(meta('shop') == 'Berlin, Mitte')"),
        ('shop="Berlin, Mitte",Paris', "meta('shop').one_of('Berlin, Mitte', 'Paris')"),
        ("shop!=Rome", "~(meta('shop') == 'Rome')"),
        ("shop!=Rome,Paris", "~meta('shop').one_of('Rome', 'Paris')"),
        ("shop=", "(meta('shop') == '')"),
        ("note=a=b<c", "(meta('note') == 'a=b<c')"),
        ("name<Z,z", "(meta('name') < 'Z,z')"),
        (" price ", "meta('price').known()"),
    ],
)
def test_a_comparison_of_metadata_has_a_key_an_operator_and_values(text: str, expected: str) -> None:
    assert repr(read_metadata(text)) == expected


@pytest.mark.parametrize("text", ["<5", "=a", "a!b", "a!"])
def test_a_comparison_without_a_key_or_an_operator_is_an_error(text: str) -> None:
    with pytest.raises(QueryError, match="is not a comparison; expected for instance price<10, shop=Berlin,Paris"):
        read_metadata(text)


def test_a_blank_key_is_an_error() -> None:
    with pytest.raises(QueryError, match="the metadata to filter by is ''"):
        read_metadata(" < 5")
