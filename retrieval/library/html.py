"""The library as a notebook shows it."""

from __future__ import annotations

from indexer.errors import LibraryClosedError, RecallError
from indexer.maintenance.status import Status, read_status
from retrieval.library.base import BaseLibrary
from retrieval.search.listing import Items, list_items

_NEWEST = 12
"""Items that are shown."""


def repr_html(self: BaseLibrary) -> str:
    """Return what the library holds, with its newest items, for a notebook; raises nothing."""
    from retrieval.search.gallery import library_html  # late: only notebooks need it

    newest = Items()
    try:
        with self._calls.call():
            facts = _facts(read_status(self._store))
            newest = list_items(self._store, None, sort="-added", limit=_NEWEST, cursor=None)
    except LibraryClosedError:
        facts = ["closed"]
    except RecallError as error:
        facts = [str(error)]
    return library_html(self.name, facts, newest)


def _facts(status: Status) -> list[str]:
    counts = {"photo": status.photos, "text": status.texts, "failed": status.failed}
    numbers = [
        f"{number:,} {name}{'s' if name != 'failed' and number != 1 else ''}"
        for name, number in counts.items()
        if number or name == "photo"
    ]
    return [*numbers, f"encoder {status.encoder}"] if status.encoder else ["empty"]
