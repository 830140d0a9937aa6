"""Filters as values: combination, representation, and errors."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from indexer.catalog.filters.criteria import TimeSpan
from indexer.catalog.filters.expression import combine_filters
from indexer.errors import QueryError
from retrieval import Filter as F  # noqa: N817 - for short lines

CANON, LENS, WORK = F.camera("Canon*"), F.lens("*50mm*"), F.folder("/photos/work")


def test_the_repr_of_a_filter_is_its_expression() -> None:
    where = F.taken(after=date(2020, 1, 1)) & (CANON | LENS) & ~WORK
    assert repr(where) == "taken(after=2020-01-01) & (camera('Canon*') | lens('*50mm*')) & ~folder('/photos/work')"
    assert repr(~(CANON & LENS)) == "~(camera('Canon*') & lens('*50mm*'))"
    assert repr(F.near(52.5, 13.4, km=5) | F.rating(4)) == "near(52.5, 13.4, km=5) | rating(4, 5)"
    assert repr(F.taken(on=date(2023, 5, 3))) == "taken(after=2023-05-03, before=2023-05-04)"


def test_the_repr_of_a_metadata_filter_is_valid_in_any_expression() -> None:
    assert (
        repr((F.meta("price") < 10) & ~(F.meta("shop") == "Berlin"))
        == "(meta('price') < 10) & ~(meta('shop') == 'Berlin')"
    )
    assert repr(10.5 >= F.meta("price")) == "(meta('price') <= 10.5)"  # noqa: SIM300 - Python turns it around
    assert (
        repr(F.meta("shop").one_of("a", "b") | F.meta("sold").known())
        == "meta('shop').one_of('a', 'b') | meta('sold').known()"
    )
    assert (
        repr(F.meta("day").between(date(2024, 1, 1), date(2024, 2, 1)))
        == "meta('day').between('2024-01-01', '2024-02-01')"
    )
    assert repr(F.collection("shop")) == "collection('shop')"


def test_not_equal_is_the_negation_of_equal() -> None:
    assert (F.meta("shop") != "a") == ~(F.meta("shop") == "a")


def test_true_and_one_are_different_filters() -> None:
    assert (F.meta("sold") == True) != (F.meta("sold") == 1)  # noqa: E712 - makes a filter


def test_numbers_of_numpy_are_numbers() -> None:
    assert (F.meta("price") < np.float32(10)) == (F.meta("price") < np.int64(10)) == (F.meta("price") < 10)
    assert (F.meta("sold") == np.True_) == (F.meta("sold") == True)  # noqa: E712 - makes a filter


def test_a_key_that_is_not_compared_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"meta\('sold'\) is only a key; compare it"):
        _ = F.meta("sold") and CANON
    with pytest.raises(TypeError, match="combine filters with &"):
        _ = 1 < F.meta("price") < 10  # Python reads this as two comparisons joined by "and"


def test_equivalent_filters_are_equal_and_have_one_hash() -> None:
    assert CANON & LENS & WORK == CANON & (LENS & WORK)
    assert (CANON | LENS) | WORK == CANON | (LENS | WORK)
    assert CANON & LENS != CANON | LENS
    assert {CANON & LENS: 1}[F.camera("Canon*") & F.lens("*50mm*")] == 1


def test_the_keyword_and_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"combine filters with &, \| and ~"):
        _ = CANON and LENS


def test_none_is_neutral_in_a_combination() -> None:
    assert combine_filters(None, None) is None
    assert combine_filters(CANON, None) == combine_filters(None, CANON) == CANON
    assert combine_filters(CANON, LENS) == CANON & LENS


def test_dates_times_and_time_spans_are_accepted() -> None:
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    local = noon.astimezone().replace(tzinfo=None)  # cameras write local time without a zone
    assert F.taken(after=noon) == F.taken(after=local)
    month = TimeSpan(datetime.fromisoformat("2023-05-01"), datetime.fromisoformat("2023-06-01"))
    assert F.taken(on=month) == F.taken(after=date(2023, 5, 1), before=date(2023, 6, 1))
    assert F.taken(on=date.max) == F.taken(after=date.max, before=datetime.max)  # noqa: DTZ901


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: F.taken(after=date(2024, 1, 2), before=date(2024, 1, 1)),
            "no photo can be taken after 2024-01-02 and",
        ),
        (lambda: F.taken(after=date(2024, 1, 1), before=date(2024, 1, 1)), "no photo can be taken after"),
        (lambda: F.name("*a" * 30_000), "the name to filter by has 60,000 characters; expected 1,000 at most"),
        (lambda: F.tag("caf\udce9"), "the tag to filter by is not valid Unicode"),
        (lambda: F.min_size(10**30, 5), "no photo has"),
        (lambda: F.near(95, 0, km=1), "there is no place 95,0; expected a latitude from -90 to 90 degrees"),
        (lambda: F.near(0, -180.5, km=1), "there is no place 0,-180.5"),
        (lambda: F.near(float("nan"), 0, km=1), "there is no place nan,0"),
        (lambda: F.near(0, 0, km=0), "a distance of 0 km is out of range"),
        (lambda: F.near_photo("a.jpg", km=float("inf")), "a distance of inf km is out of range"),
        (lambda: F.format("foo"), "there is no format 'foo'; expected avif, bmp, gif"),
        (lambda: F.rating(3, 2), "there is no rating from 3 to 2"),
        (lambda: F.min_size(0, 100), "no photo has 100 x 0 pixels"),
        (lambda: F.min_pixels(0), "no photo has 0 pixels"),
        (
            lambda: F.orientation("round"),  # type: ignore[arg-type]  # on purpose
            "there is no orientation 'round'",
        ),
        (lambda: F.tag("  "), "the tag to filter by is blank"),
        (lambda: F.meta(" "), "the metadata to filter by is ' '; expected the name of a key"),
        (lambda: F.meta(5), r"5 \(int\) is not a text to filter by"),  # type: ignore[arg-type]  # on purpose
        (lambda: F.meta("a\udce9"), "the text to filter by is not valid Unicode"),
        (
            lambda: F.meta("price").between(float("nan"), 1),
            "the metadata 'price' cannot be compared with nan; expected a number",
        ),
        (lambda: F.meta("price") < 10**400, "the metadata 'price' cannot be compared with 1000"),
        (lambda: F.meta("price") == None, r"with None; write ~Filter.meta\('price'\).known"),  # noqa: E711
        (lambda: F.meta("price") == [5], r"with '\[5\]' \(list\); expected a text, a number, True, False or a date"),
        (lambda: F.meta("price") == b"a", r"\(bytes\); expected a text"),
        (lambda: F.meta("sold") < True, r"\(meta\('sold'\) < True\) compares True or False by size"),
        (lambda: F.meta("shop").one_of(), r"meta\('shop'\).one_of has 0 values; expected 1 to 10,000"),
        (lambda: F.meta("shop").one_of(*range(10_001)), "one_of has 10,001 values"),
        (lambda: F.meta("shop").one_of("a", 1), r"the values in meta\('shop'\).one_of\('a', 1\) have different types"),
        (lambda: F.meta("price").between(1, "b"), "have different types"),
        (lambda: F.meta("price").between(2, 1), r"nothing can be in meta\('price'\).between\(2, 1\); swap"),
        (lambda: F.meta("shop") == "x" * 100_001, "the text to filter by has 100,001 characters"),
        (lambda: F.collection(""), "there is no collection ''; expected the name of one"),
        (lambda: F.collection("a\0b"), "there is no collection"),
    ],
)
def test_a_filter_that_nothing_can_pass_is_an_error(make: object, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        make()  # type: ignore[operator]


def test_taken_without_a_date_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="there is no date to filter by"):
        F.taken()


def test_a_filter_by_a_photos_position_must_be_resolved_first() -> None:
    with pytest.raises(ValueError, match=r"near_photo\('a\.jpg'\) is unresolved; use it in a search"):
        F.near_photo("a.jpg", km=1).condition()
