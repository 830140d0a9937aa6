"""Takes dates, places, cameras and negations out of the words of a query."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial, reduce
from operator import and_

from sqlalchemy import Connection

from indexer.catalog.filters.expression import Filter, combine_filters
from indexer.catalog.filters.matching import has_match
from indexer.catalog.statements.listing import taken_years
from indexer.store import Store
from retrieval.query.part import Part
from retrieval.query.query import Query
from retrieval.query.understanding.tokens import NEGATORS, Marks, Phrase, Token, split
from retrieval.query.understanding.triggers import PHOTO_WORDS, triggers
from retrieval.query.understanding.understood import Understood


@dataclass(frozen=True, slots=True)
class Understanding:
    """A query as it was understood.

    Attributes:
        query: The query without the words that became filters; None if no part is left.
        where: Its filter, with what the words filter by.
        understood: What was understood; None if the words are searched for as they are.
    """

    query: Query | None
    where: Filter | None
    understood: Understood | None = None


def understand(store: Store, query: Query, *, literal: bool = False, now: datetime | None = None) -> Understanding:
    """Return a query whose texts have lost the words that are filters.

    A filter counts only if photos pass it, together with the other filters; otherwise all words stay. What follows
    "without" and the like becomes `Query.excluded`.

    Args:
        store: The library.
        query: The query; its filter must be resolved, see `resolve_filter`.
        literal: Whether all words stay.
        now: The time that "last year" is relative to, in local time; by default the current time.
    """
    if literal or not query.texts:
        return Understanding(query, query.where)
    now = now or datetime.now()  # noqa: DTZ005 - cameras record no time zone
    parts: list[Part] = []
    phrases: list[Phrase] = []
    unmatched: list[str] = []
    excluded: list[str] = []
    texts = list(query.excluded)
    with store.reading() as connection:
        for part in query.parts:
            if not isinstance(part.content, str) or part.weight < 0:
                parts.append(part)
                continue
            found, missing, rest = _understand_text(part.content, connection, now)
            phrases += found
            unmatched += missing
            rest, names_excluded, descriptions = _without_negation(rest)
            excluded += names_excluded
            texts += descriptions
            if rest:
                parts.append(replace(part, content=rest))
        where = reduce(and_, (phrase.where for phrase in phrases)) if phrases else None
        combined = combine_filters(query.where, where)
        names = tuple(dict.fromkeys(sorted((phrase.name for phrase in phrases), key=_is_place_or_camera)))
        if where is not None and combined is not None and not has_match(connection, combined):
            return Understanding(query, query.where, Understood(_words(query.parts), unmatched=names))
    if not names and not unmatched and not excluded:
        return Understanding(query, query.where)
    is_filter = not parts and not texts
    remaining = None if is_filter else replace(query, parts=tuple(parts), where=combined, excluded=tuple(texts))
    return Understanding(remaining, combined, Understood(_words(parts), names, tuple(excluded), tuple(unmatched)))


def _is_place_or_camera(name: str) -> bool:
    """Return whether a filter is none of a date: dates are named first."""
    return "taken" not in name.split()[:2]


def _words(parts: Sequence[Part]) -> str:
    return " + ".join(part.content for part in parts if isinstance(part.content, str) and part.weight > 0)


def _understand_text(text: str, connection: Connection, now: datetime) -> tuple[list[Phrase], list[str], str]:
    """Return the phrases of a text, the names of those that no photo passes, and the other words."""
    tokens = split(text)
    marks = Marks(tokens)

    phrases: list[Phrase] = []
    unmatched: dict[str, None] = {}
    for find in _finders(tokens, marks, connection, now):
        for phrase in find():
            if not marks.is_free(phrase.start, phrase.end) or phrase.name in unmatched:
                continue
            if not has_match(connection, phrase.where, is_dated=phrase.name.startswith("taken")):
                unmatched[phrase.name] = None
                continue
            whole = _with_negation(phrase, tokens, marks)
            marks.add(whole)
            phrases.append(whole)
    rest = marks.rest()
    if all(word.folded in PHOTO_WORDS | {"my", "all", "the", "of"} for word in split(rest)):
        rest = ""  # "photos from 2019"
    return phrases, list(unmatched), rest


def _finders(
    tokens: Sequence[Token], marks: Marks, connection: Connection, now: datetime
) -> Iterator[Callable[[], Iterator[Phrase]]]:
    """Yield the functions that find phrases in a text, in their order; what the text cannot have is not loaded."""
    may_have = triggers(tokens)

    @cache
    def years() -> range:
        return taken_years(connection)

    def full_dates() -> Iterator[Phrase]:
        from retrieval.query.understanding import dates  # late, like the others: its patterns take 20 ms

        return dates.full_dates(tokens, now=now, years=years)

    def other_dates() -> Iterator[Phrase]:
        from retrieval.query.understanding import dates

        yield from dates.dates_after_words(tokens, marks, now=now, years=years)
        yield from dates.bare_dates(tokens, marks, now=now, years=years)

    def bare_dates() -> Iterator[Phrase]:
        from retrieval.query.understanding import dates

        return dates.bare_dates(tokens, marks, now=now, years=years)

    cameras, places = partial(_cameras, tokens, marks, connection), partial(_places, tokens, marks, connection)
    finders = (
        (may_have.dates, full_dates),
        (may_have.cameras, cameras),
        (may_have.places, places),
        (may_have.dates, other_dates),
        (may_have.places, places),  # bare names before the year that was found meanwhile
        (may_have.cameras, cameras),
        (may_have.dates, bare_dates),
    )
    yield from (find for can_find, find in finders if can_find)


def _cameras(tokens: Sequence[Token], marks: Marks, connection: Connection) -> Iterator[Phrase]:
    from retrieval.query.understanding.cameras import find_cameras

    return find_cameras(tokens, marks, connection)


def _places(tokens: Sequence[Token], marks: Marks, connection: Connection) -> Iterator[Phrase]:
    from retrieval.query.understanding.places import find_places

    return find_places(tokens, marks, connection)


def _without_negation(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return a text without its negations, what these exclude, and the descriptions of that."""
    if not triggers(split(text)).negations:
        return text, (), ()
    from retrieval.query.understanding.negation import descriptions, find_negation  # late: few texts have one

    negation = find_negation(text)
    if negation is None:
        return text, (), ()
    return negation.words, negation.excluded, tuple(word for name in negation.excluded for word in descriptions(name))


def _with_negation(phrase: Phrase, tokens: Sequence[Token], marks: Marks) -> Phrase:
    """Return a phrase with the "not" or "except" before it, as what it leaves out."""
    start = phrase.start
    while start and tokens[start - 1].folded in NEGATORS and marks.is_free(start - 1, start):
        start -= 1
    if start == phrase.start:
        return phrase
    return Phrase(start, phrase.end, ~phrase.where, f"not {phrase.name}")
