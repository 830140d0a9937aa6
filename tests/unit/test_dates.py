"""Dates as people write them: each is read as what it says, or refused."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import QueryError
from retrieval.query.parse_values import read_dates, read_limit

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


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("1990s", 1990, 2000),
        ("the 90s", 1990, 2000),
        ("'80s", 1980, 1990),
        ("80\N{RIGHT SINGLE QUOTATION MARK}s", 1980, 1990),
        ("the 20s", 2020, 2030),  # the last 20s that have begun
        ("30s", 1930, 1940),
        ("2000s", 2000, 2010),
        ("90er Jahre", 1990, 2000),
        ("les années 1990", 1990, 2000),
        ("años 90", 1990, 2000),
        ("anni '90", 1990, 2000),
        ("de jaren 90", 1990, 2000),
        ("os anos 90", 1990, 2000),
        ("last decade", 2010, 2020),
        ("this decade", 2020, 2030),
    ],
)
def test_a_decade_is_ten_years(text: str, start: int, end: int) -> None:
    assert read_dates(text, now=NOW) == (datetime(start, 1, 1), datetime(end, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("Q3 2021", "2021-07-01", "2021-10-01"),
        ("2021-Q4", "2021-10-01", "2022-01-01"),
        ("3rd quarter of 2021", "2021-07-01", "2021-10-01"),
        ("first quarter 2021", "2021-01-01", "2021-04-01"),
        ("3. Quartal 2021", "2021-07-01", "2021-10-01"),
        ("T3 2021", "2021-07-01", "2021-10-01"),
        ("2º trimestre de 2020", "2020-04-01", "2020-07-01"),
        ("Q4", "2026-10-01", "2027-01-01"),  # it has begun
        ("last quarter", "2026-07-01", "2026-10-01"),
        ("next year", "2027-01-01", "2028-01-01"),
        ("May '23", "2023-05-01", "2023-06-01"),
        ("'99", "1999-01-01", "2000-01-01"),
        ("the day before yesterday", "2026-11-23", "2026-11-24"),
        ("last Monday", "2026-11-23", "2026-11-24"),
        ("yesterday 12:30", "2026-11-24T12:30", "2026-11-24T12:31"),
        ("3 May 2023 at 6pm", "2023-05-03T18:00", "2023-05-03T18:01"),
        ("Tuesday 5 May 2020", "2020-05-05", "2020-05-06"),
        ("el año pasado", "2025-01-01", "2026-01-01"),
        ("12/31/2023", "2023-12-31", "2024-01-01"),  # there is no month 31
    ],
)
def test_a_date_is_read_as_what_it_says(text: str, start: str, end: str) -> None:
    assert read_dates(text, now=NOW) == (datetime.fromisoformat(start), datetime.fromisoformat(end))


@pytest.mark.parametrize(
    "text",
    [
        *("2023-00", "2023-05-00", "2023-00-05", "00/05/2023", "5/0/2023", "2020/21", "May 32"),
        *("1995s", "the 95s", "1900s", "mid-90s", "early 1990s", "last century", "Q5 2021", "H1 2020", "2021-W12"),
        *("circa 1950", "~1950", "1950?", "after 2019", "before yesterday", "May 2020-", "2019-2021", "1e3"),
        *("2 weeks", "5m", "2h", "90 seconds", "-1 year", "2m ago", "3 days after tomorrow", "1st"),
        "two days before yesterday",
        *("heute Morgen", "yesterday morning", "Monday 5 May 2020", "um 17 Uhr", "2020 at 5", "May 18:30", "a year"),
        *("99999 years ago", "1.5 years ago"),
    ],
)
def test_what_is_not_fully_understood_is_refused_instead_of_read_as_another_date(text: str) -> None:
    with pytest.raises(QueryError, match="there is no date '"):
        read_dates(text, now=NOW)
    with pytest.raises(QueryError, match="there is no date '"):
        read_limit(text, now=NOW)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("a year ago", "2025-11-25"),
        ("2 years ago", "2024-11-25"),
        ("a decade ago", "2016-11-25"),
        ("6 months ago", "2026-05-25"),
        ("two weeks ago", "2026-11-11"),
        ("3 days ago", "2026-11-22"),
        ("1 year and 2 months ago", "2025-09-25"),
        ("vor einem Jahr", "2025-11-25"),
        ("vor zwei Wochen", "2026-11-11"),
        ("il y a un an", "2025-11-25"),
        ("il y a 2 mois", "2026-09-25"),
        ("hace dos años", "2024-11-25"),
        ("due mesi fa", "2026-09-25"),
        ("een jaar geleden", "2025-11-25"),
        ("há três dias", "2026-11-22"),
        ("um ano atrás", "2025-11-25"),
        ("in 2 days", "2026-11-27"),
        ("90 minutes ago", "2026-11-25T08:30"),
        ("last year", "2025-01-01"),  # the calendar year, from its first day
        ("2024", "2024-01-01"),
    ],
)
def test_a_limit_some_time_ago_is_that_day_and_any_other_is_the_beginning_of_the_date(text: str, day: str) -> None:
    assert read_limit(text, now=NOW) == datetime.fromisoformat(day)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("a year ago", "2025-01-01", "2026-01-01"),
        ("a month ago", "2026-10-01", "2026-11-01"),
        ("2 weeks ago", "2026-11-09", "2026-11-16"),
        ("3 days ago", "2026-11-22", "2026-11-23"),
        ("2 hours ago", "2026-11-25T08:00", "2026-11-25T08:01"),
    ],
)
def test_the_span_of_some_time_ago_is_the_calendar_unit_that_contains_it(text: str, start: str, end: str) -> None:
    assert read_dates(text, now=NOW) == (datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_a_month_ago_from_a_longer_month_is_the_last_day_of_the_shorter_one() -> None:
    assert read_limit("a month ago", now=datetime.fromisoformat("2026-03-31T10:00")) == datetime(2026, 2, 28)  # noqa: DTZ001


@given(st.dates(min_value=date(1000, 1, 1)), st.sampled_from(("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d %B %Y")))
def test_every_day_is_read_back_in_every_form(day: date, form: str) -> None:
    start = datetime.combine(day, time())
    assert read_dates(start.strftime(form), now=NOW).start == start


@given(st.text(alphabet="0123456789 -/.:'sahofgt MayQ", max_size=14))
def test_any_text_gives_a_span_with_an_end_after_its_start_or_a_query_error(text: str) -> None:
    try:
        span = read_dates(text, now=NOW)
    except QueryError:
        return
    assert span.end - span.start >= timedelta(seconds=1)
