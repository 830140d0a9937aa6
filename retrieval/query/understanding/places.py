"""Finds places of the library in a text.

- After "in", "near", "around" and the like in seven languages, in any case: "a market in Berlin", "in köln".
- Without such a word only with a capital letter, at the end or before another phrase: "beach, Lisbon", "Berlin 2019".

Only places that photos of the library have count. "Berlin wall", "flag of Germany", "in the bath" and a person's name
stay words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from sqlalchemy import Connection

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements.place_names import people_named, places_named
from indexer.catalog.text_key import text_key
from retrieval.query.understanding.tokens import Marks, Phrase, Token, word_set
from retrieval.query.understanding.triggers import AFTER_PHOTOS, PHOTO_WORDS, PLACE_PREPOSITIONS

_LINKS = word_set("de di da a à von to")
"""Words between these and the place: "près de Lyon", "vicino a Roma"."""

_COMMON_WORDS = word_set(
    "of man young green orange along bear brick male forest fountain reading bar sandy tank sunset golden tire "
    "police wedding airport same time nice pen rugby officer bath hillside bow sale van shoreline mobile barking "
    "bend bay clay woodland boulder university semi metro lens split bell swords eagle marina most butterfly marks "
    "evergreen spring crystal gap best holiday pop peer horn march say sunrise temple walker buffalo sparks roses "
    "derby jam summit antelope salt hook archway magenta gondola terrace dome moss liberty mustang union vista "
    "central fleet plaque date mine chihuahua riverbank springs stains mango pearl apex normal highland surprise "
    "seaside opportunity cork hall essen wells battle deal sandwich see hull eureka paradise halle hof tours angers "
    "nancy bergen wald sand stein garden gardens home house park beach center centre city town village island lake "
    "river church school office kitchen front back action motion love"
)
"""Names of towns that are common words too: as places they need a capital letter."""

_MOST_WORDS = 5
"""Words of the longest name of a place that is looked for."""


class _Candidate(NamedTuple):
    start: int
    name_start: int
    end: int
    is_bare: bool


def find_places(tokens: Sequence[Token], marks: Marks, connection: Connection) -> Iterator[Phrase]:
    """Yield the places in a text, the longest names first; bare names last.

    Args:
        tokens: The words of the text.
        marks: What belongs to other phrases; a bare name must stand next to these or at the end.
        connection: Connection to the catalog.
    """
    candidates = [*_after_words(tokens), *_bare(tokens)]
    keys = {_key(tokens, candidate) for candidate in candidates}
    if not keys:
        return
    places = places_named(connection, keys)
    if not places:
        return
    people = people_named(connection, places)
    for candidate in sorted(candidates, key=lambda one: (one.is_bare, one.name_start - one.end)):
        key = _key(tokens, candidate)
        if key not in places or not marks.is_free(candidate.start, candidate.end):
            continue
        if candidate.is_bare and (key in people or not _stands_alone(candidate, tokens, marks)):
            continue
        where = reduce(or_, (Filter.place(place) for place in places[key]))
        name = " ".join(token.text for token in tokens[candidate.name_start : candidate.end])
        yield Phrase(candidate.start, candidate.end, where, f"near {name}")


def _after_words(tokens: Sequence[Token]) -> Iterator[_Candidate]:
    for number, token in enumerate(tokens[:-1]):
        before = tokens[number - 1].folded if number else ""
        introduces = token.folded in PLACE_PREPOSITIONS or (
            token.folded in AFTER_PHOTOS and (not before or before in PHOTO_WORDS)
        )
        if not introduces or token.mark:
            continue
        first = number + 1
        if tokens[first].folded in _LINKS and first + 1 < len(tokens):
            first += 1
        yield from _runs(tokens, number, first, is_bare=False)


def _bare(tokens: Sequence[Token]) -> Iterator[_Candidate]:
    for number, token in enumerate(tokens):
        if token.text[:1].isupper():
            yield from _runs(tokens, number, number, is_bare=True)


def _runs(tokens: Sequence[Token], start: int, first: int, *, is_bare: bool) -> Iterator[_Candidate]:
    """Yield the names that begin with a word."""
    for end in range(first + 1, min(len(tokens), first + _MOST_WORDS) + 1):
        words = tokens[first:end]
        if not all(word.folded for word in words):  # a quoted part
            break
        is_common = len(words) == 1 and words[0].text.islower() and words[0].folded in _COMMON_WORDS
        if not is_common and len(words[0].text) > 1:
            yield _Candidate(start, first, end, is_bare)
        if words[-1].mark:
            break


def _stands_alone(candidate: _Candidate, tokens: Sequence[Token], marks: Marks) -> bool:
    """Return whether a bare name is a place: not "flag of Germany", "Berlin wall", or the only word."""
    start, end = candidate.start, candidate.end
    if end - start == len(tokens) or not marks.is_complete(end):
        return False
    is_first = start == 0 or not marks.is_free(start - 1, start)
    return is_first or tokens[start - 1].folded not in ("of", "von", "de", "du", "the", "a", "an", "and", "und", "&")


def _key(tokens: Sequence[Token], candidate: _Candidate) -> str:
    return text_key(" ".join(token.text for token in tokens[candidate.name_start : candidate.end]))
