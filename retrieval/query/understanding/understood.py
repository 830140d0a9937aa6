"""What the words of a query were understood as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Understood:
    """What the words of a query were understood as.

    Attributes:
        words: The words that are searched for; "" if all words became filters.
        filters: What the other words filter by, for instance "taken 2019" and "near Berlin".
        excluded: What no result may show.
        unmatched: Filters that no photo would pass: these words are searched for as they are.
    """

    words: str
    filters: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()

    def __str__(self) -> str:
        without = (f"without {text}" for text in self.excluded)
        return "; ".join(part for part in (self.words, *self.filters, *without) if part)

    def to_dict(self) -> dict[str, Any]:
        """Return it as values for JSON."""
        return {
            "words": self.words,
            "filters": list(self.filters),
            "excluded": list(self.excluded),
            "unmatched": list(self.unmatched),
        }
