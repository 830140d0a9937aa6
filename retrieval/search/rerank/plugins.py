"""Rerankers of installed packages: the entry points of the group `recall.rerankers`.

A package declares `NAME = "module:make"`. `make(argument)` gets what follows the colon in `NAME:VALUE`, "" for nothing,
and returns a `Reranker`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.errors import QueryError, RecallError
from indexer.plugins import RERANKERS, load_function, named_plugins, origin, reason, summary_of
from indexer.registry import Entry

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from retrieval.search.rerank.protocol import Context, Ranking, Reranker


def plugin_entries(taken: Collection[str]) -> tuple[Entry, ...]:
    """Return entries for the rerankers of packages, sorted by name, without those whose names are taken."""
    return tuple(
        Entry(name, f"{name}[:VALUE]", summary_of(plugin))
        for name, plugin in named_plugins(RERANKERS).items()
        if name not in taken
    )


def make_plugin_reranker(name: str, argument: str) -> Reranker | None:
    """Return a reranker of an installed package; None if no package has one of this name.

    Raises:
        QueryError: The package cannot be imported, or does not return a reranker.
    """
    from retrieval.search.rerank.protocol import Reranker  # late: numpy

    entry = named_plugins(RERANKERS).get(name)
    if entry is None:
        return None
    make = load_function(entry, QueryError)
    try:
        reranker = make(argument)
    except RecallError:
        raise
    except Exception as error:  # foreign code may raise anything
        raise QueryError(f"reranker {name!r}: {origin(entry)} failed ({reason(error)})") from error
    if not isinstance(reranker, Reranker):
        raise QueryError(f"{origin(entry)} returned a {type(reranker).__name__}; expected a Reranker")
    return _PluginReranker(entry, reranker)


@dataclass(frozen=True, slots=True)
class _PluginReranker:
    """A reranker of a package; an error in it is a QueryError of one line."""

    entry: EntryPoint
    reranker: Reranker

    @property
    def depth(self) -> int:
        """Number of candidates that the reranker looks at, 0 if it does not say."""
        return int(getattr(self.reranker, "depth", 0))

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the candidates in the reranker's order.

        Raises:
            QueryError: The reranker fails, or returns something else.
        """
        from retrieval.search.rerank.protocol import Ranking  # late, as above

        try:
            reranked = self.reranker.rerank(ranking, context)
        except RecallError:
            raise
        except Exception as error:  # as above
            name = self.entry.name
            raise QueryError(f"reranker {name!r}: {origin(self.entry)} failed ({reason(error)})") from error
        if not isinstance(reranked, Ranking):
            raise QueryError(f"{origin(self.entry)} returned a {type(reranked).__name__}; expected a Ranking")
        return reranked
