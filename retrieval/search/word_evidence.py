"""Words of a query in the names and texts of items: which, where, and how much they tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import log
from typing import Literal, NamedTuple

from indexer.catalog.statements import fulltext
from indexer.catalog.statements.fulltext import WordCount
from indexer.catalog.statements.item_words import root_of, source_roots
from indexer.catalog.statements.items import ItemDetails
from indexer.catalog.words import (
    file_name,
    file_words,
    fold_words,
    folder_below,
    folder_words,
    is_unspaced,
    name_words,
    text_words,
)
from indexer.store import Store
from retrieval.calibration.word_counts import without_names

Field = Literal["name", "title", "person", "place", "tag", "folder", "description", "camera", "lens", "text"]
"""Where a word can be found; if it is in several fields, the first of them counts."""

_COMMON = 0.8
"""Share of the units from which on a word tells nothing."""

_FEW = 5
"""Units of a library in which every word tells something: in a folder of three photos, all may be of Rome."""

_COMMON_STOP_WORD = 0.05
"""The same for stop words, which count only in queries that have no others."""

_PART, _BEGINNING = 0.75, 0.6
"""How much a part of a word counts: one with digits or of a script without blanks, and the beginning of another."""


_NO_LETTERS = re.compile(r"[\W_]+")


class WordHit(NamedTuple):
    """A word of the query that an item has.

    Attributes:
        word: The word, as in the query.
        field: Where the item has it.
    """

    word: str
    field: Field


@dataclass(frozen=True, slots=True)
class QueryWord:
    """A word of a query.

    Attributes:
        text: The word, as in the query.
        parts: Its words as the full-text index compares them: "don't" has two.
        count: How often the library has it.
        weight: How much it tells: BM25's inverse document frequency, 0 if it tells nothing.
        share: The share of its weight that counts if an item has it, less than 1 if it is only a part of words.
    """

    text: str
    parts: tuple[str, ...]
    count: WordCount
    weight: float
    share: float = 1.0

    @property
    def is_found(self) -> bool:
        """Whether an item has it, and it tells something."""
        return self.weight > 0 and self.count.total > 0

    def is_in(self, words: Iterable[str]) -> bool:
        """Return whether words contain it."""
        if is_unspaced(self.parts[0]):
            return any(self.parts[0] in word for word in words)
        if self.count.is_beginning:
            return any(word.startswith(self.parts[0]) for word in words)
        return all(part in words for part in self.parts)


@dataclass(frozen=True, slots=True)
class QueryWords:
    """The words of a query that tell something in a library.

    Attributes:
        words: The words.
        roots: The sources of the library.
        rarest: The weight of a word that one unit has.
        found: The words that an item of the library has.
    """

    words: tuple[QueryWord, ...] = ()
    roots: tuple[str, ...] = ()
    rarest: float = 0.0

    found: tuple[QueryWord, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "found", tuple(word for word in self.words if word.is_found))

    def in_item(self, item: ItemDetails) -> tuple[WordHit, ...]:
        """Return the words that an item has, in the order of the query, each with the first field that has it."""
        missing = dict.fromkeys(self.found)
        if not missing or not _may_have(missing, _all_texts(item)):
            return ()
        hits: dict[str, Field] = {}
        for name, text, split in _fields(item, self.roots):
            if not missing:
                break
            if text and _may_have(missing, text):
                words = split(text)
                for word in [word for word in missing if word.is_in(words)]:
                    hits[word.text] = name
                    del missing[word]
        return tuple(WordHit(word.text, hits[word.text]) for word in self.words if word.text in hits)

    @property
    def complete(self) -> int:
        """Largest number of items that can have all words, whole; 0 if no item has one of them."""
        totals = [word.count.total if word.share == 1 else 0 for word in self.words]
        return min(totals, default=0)

    def visible(self, text: str) -> str:
        """Return the words of a query that photos can show, see `without_names`."""
        return without_names(text, [word.text for word in self.found]) if self.found else text

    def evidence(self, hits: Iterable[WordHit]) -> float:
        """Return the share of what the query's words tell that these tell, 0 to 1."""
        total = sum(word.weight for word in self.words)
        have = {hit.word for hit in hits}
        return sum(word.weight * word.share for word in self.words if word.text in have) / total if total else 0.0

    def rarity(self, hits: Iterable[WordHit]) -> float:
        """Return how rare the rarest of some words is, 0 to 1: 1 if one unit alone has it."""
        have = {hit.word for hit in hits}
        return max((word.weight for word in self.words if word.text in have), default=0.0) / (self.rarest or 1.0)


NO_WORDS = QueryWords()


def telling_words(store: Store, text: str) -> QueryWords:
    """Return the words of a query that tell something in a library; a word that most units have tells nothing."""
    words = fulltext.query_words(text)
    if not words:
        return NO_WORDS
    total = store.cached("units", fulltext.count_units)
    counts = store.cached(
        ("word counts", *words), lambda connection: [fulltext.count_word(connection, word) for word in words]
    )
    common = _COMMON if fulltext.has_content_words(text) else _COMMON_STOP_WORD
    telling = (_query_word(word, count, total, common) for word, count in zip(words, counts, strict=True))
    roots = store.cached("source roots", source_roots)
    return QueryWords(tuple(word for word in telling if word.parts), tuple(roots), _weight(1, total))


def _query_word(text: str, count: WordCount, total: int, common: float) -> QueryWord:
    frequency = min(max(count.total, 1), total)  # words that no unit has weigh no more than those that one has
    is_common = total >= _FEW and frequency > common * total
    weight = 0.0 if is_common else _weight(frequency, total)
    parts = tuple(fold_words(text))
    whole = not count.is_beginning
    part = _BEGINNING if text.isalpha() and not is_unspaced(text) else _PART
    return QueryWord(text, parts, count, weight, 1.0 if whole else part)


def _weight(frequency: int, total: int) -> float:
    """Return the inverse document frequency of BM25, in the form that is never negative (Lucene's)."""
    return log(1 + (total - min(frequency, total) + 0.5) / (frequency + 0.5))


_Split = Callable[[str], Iterable[str]]


def _fields(item: ItemDetails, roots: Sequence[str]) -> Iterator[tuple[Field, str | None, _Split]]:
    """Yield what an item has in each field, and how it is split into words."""
    yield "name", file_name(item.file), file_words
    yield "name", item.row, name_words
    yield "title", item.title, text_words
    yield "person", "\n".join(item.people), text_words
    yield "place", "\n".join(item.places), text_words
    yield "tag", "\n".join(item.tags), text_words
    yield "folder", folder_below(item.file, root_of(item.path, roots)), folder_words
    yield "description", item.description, text_words
    yield "camera", item.camera, name_words
    yield "lens", item.lens, name_words
    yield "text", item.text, text_words


def _all_texts(item: ItemDetails) -> str:
    """Return everything that an item is searched by, and more."""
    texts = (item.path, item.picture, item.camera, item.lens, item.title, item.description, item.text)
    return "\n".join(filter(None, (*texts, *item.tags, *item.people, *item.places)))


def _may_have(words: Iterable[QueryWord], text: str) -> bool:
    """Return whether a text may have one of some words: a quick test, as most texts have none."""
    if not text.isascii():
        return True
    letters = _NO_LETTERS.sub("", text.lower())  # without blanks, as names are joined
    return any(word.parts[0] in letters for word in words)
