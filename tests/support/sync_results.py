"""What a sync did, and which photos a library finds afterwards."""

from __future__ import annotations

from indexer.sync.report import OUTCOMES, SyncReport
from retrieval import Library


def counts(report: SyncReport) -> dict[str, int]:
    """Return the counts of a report that are not 0."""
    return {outcome: getattr(report, outcome) for outcome in OUTCOMES if getattr(report, outcome)}


def best_match(library: Library, text: str) -> str:
    """Return the file name of the best match."""
    return library.search(text, k=1)[0].path.name


def found_names(library: Library) -> list[str]:
    """Return the file names of all photos that are found, sorted."""
    return sorted(hit.path.name for hit in library.search("grey", k=1000))
