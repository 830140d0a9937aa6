"""Dates, places, distances, sizes and ratings as people write them."""

from __future__ import annotations

from datetime import datetime

import pytest

from indexer.errors import QueryError
from retrieval import Filter
from retrieval.query.parse_values import read_coordinates, read_dates, read_distance, read_rating, read_size

NOW = datetime.fromisoformat("2026-11-25T10:00")  # a Wednesday


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2023", "2023-01-01", "2024-01-01"),
        ("2023-12", "2023-12-01", "2024-01-01"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        (" 2023-5-3 ", "2023-05-03", "2023-05-04"),
        ("2023-05-03T18:30", "2023-05-03T18:30", "2023-05-03T18:31"),
        ("2023-05-03 18:30:05", "2023-05-03T18:30:05", "2023-05-03T18:30:06"),
        ("3 May 2023", "2023-05-03", "2023-05-04"),
        ("May 3rd, 2023", "2023-05-03", "2023-05-04"),
        ("May 2023", "2023-05-01", "2023-06-01"),
        ("3. Mai 2023", "2023-05-03", "2023-05-04"),
        ("12.05.2023", "2023-05-12", "2023-05-13"),  # the day comes first
        ("05/12/2023", "2023-12-05", "2023-12-06"),
        ("yesterday", "2026-11-24", "2026-11-25"),
        ("last month", "2026-10-01", "2026-11-01"),
        ("last year", "2025-01-01", "2026-01-01"),
        ("last week", "2026-11-16", "2026-11-23"),  # from Monday
        ("12 December", "2025-12-12", "2025-12-13"),  # the last one: this year's is still to come
    ],
)
def test_a_date_is_a_time_span(text: str, start: str, end: str) -> None:
    assert read_dates(text, now=NOW) == (datetime.fromisoformat(start), datetime.fromisoformat(end))


@pytest.mark.parametrize(
    "text", ["2023-02-30", "2023-13", "0000", "31 February 2023", "someday", "", "12", "99999", "2023-05-03T25:00"]
)
def test_a_text_that_is_not_a_date_is_an_error_with_its_value(text: str) -> None:
    with pytest.raises(QueryError, match="there is no date '"):
        read_dates(text, now=NOW)


def test_the_last_year_ends_with_the_last_time() -> None:
    assert read_dates("9999").end == read_dates("9999-12-31").end == datetime.max  # noqa: DTZ901


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
