"""What the program asks of a library: searches, thumbnails, judgements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from retrieval.terminal.thumbnails import thumbnail

if TYPE_CHECKING:
    from retrieval.library import Library
    from retrieval.query.query import Query
    from retrieval.search.hits import Hit, Hits

_KEPT = 300
"""Thumbnails that are kept: of 30 kB each, 9 MB."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        query: What was searched for, for judgements.
        hits: The hits to show, best first.
        note: What to say about them; if there are none, why.
    """

    query: Query
    hits: Hits
    note: str = ""


@dataclass(slots=True)
class Session:
    """A library that is browsed. Its methods may run in any thread.

    Attributes:
        library: The library, which stays open meanwhile.
        search: Returns what a text finds.
        describe: Returns the name of a hit, and what else is said of it; each on one line, without control characters.
        clean: Returns a text without what a terminal would obey.
        judged: Judgements by the item's id: whether it is good.
    """

    library: Library
    search: Callable[[str], Found]
    describe: Callable[[Hit], tuple[str, str]]
    clean: Callable[[str], str]
    judged: dict[int, bool] = field(default_factory=dict)
    _impression: int | None = None
    _pictures: dict[tuple[int, int], bytes | str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def name(self, hit: Hit) -> str:
        """Return the name of a hit, marked if it was judged."""
        mark = {True: "✓ ", False: "✗ ", None: ""}[self.judged.get(hit.item_id)]
        return f"{mark}{self.describe(hit)[0]}"

    def about(self, hit: Hit) -> str:
        """Return what is said of a hit, its name first."""
        return " · ".join(filter(None, (self.name(hit), self.describe(hit)[1])))

    def find(self, text: str) -> Found:
        """Return what a text finds; from now on judgements are about it.

        Raises:
            RecallError: The query cannot be answered.
        """
        found = self.search(text)
        with self._lock:
            self._impression = None
            self.judged.clear()
        return found

    def picture(self, hit: Hit, side: int) -> bytes | str:
        """Return the thumbnail of a hit, a JPEG, or why there is none.

        Args:
            hit: A hit.
            side: Pixels of the longer side, at most.
        """
        key = (hit.item_id, side)
        with self._lock:
            if key in self._pictures:
                return self._pictures[key]
        picture = thumbnail(self.library, hit, side=side) or hit.text or ""
        shown = picture if isinstance(picture, bytes) else self.clean(picture)
        with self._lock:
            self._pictures[key] = shown
            while len(self._pictures) > _KEPT:
                del self._pictures[next(iter(self._pictures))]
        return shown

    def judge(self, found: Found, hit: Hit, *, is_good: bool) -> None:
        """Record whether a hit is good.

        Args:
            found: The search that it is of.
            hit: The hit.
            is_good: Whether it is good.

        Raises:
            RecallError: The judgement cannot be recorded.
        """
        with self._lock:  # the search is recorded once, with the first judgement
            if self._impression is None:
                self._impression = self.library.show(found.query, found.hits)
            impression = self._impression
        good, bad = ([hit], []) if is_good else ([], [hit])
        self.library.judge(found.query, good=good, bad=bad, shown=impression)
        self.judged[hit.item_id] = is_good
