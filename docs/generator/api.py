"""The page of the Python API: what `retrieval` exports, in groups, for mkdocstrings."""

from __future__ import annotations

import retrieval
from indexer.errors import RecallError

GROUPS = {
    "Library": ("Library", "Settings", "Source", "Status", "Failure", "Progress"),
    "Queries and filters": ("Query", "Filter"),
    "Results": ("Hits", "Hit", "PartScore", "RerankScore", "Explanation"),
    "Reranking": ("Reranker", "Ranking", "Context", "Step"),
    "Duplicates": ("Duplicates", "DuplicateGroup", "DuplicatePhoto"),
    "Private words": ("PrivateWord", "LearnReport"),
    "Encoders": ("load_encoder", "Encoder", "Preprocess"),
}
"""The groups and their names; what is in none of them is under "Reports"."""


def page() -> str:
    """Return an mkdocstrings block for each public name; errors have a page of their own."""
    public = [name for name in retrieval.__all__ if not name.startswith("_") and not _is_error(name)]
    grouped = {name for names in GROUPS.values() for name in names}
    groups = {title: [name for name in names if name in public] for title, names in GROUPS.items()}
    groups["Reports"] = [name for name in public if name not in grouped]
    sections = [
        f"## {title}\n\n" + "\n\n".join(f"::: retrieval.{name}" for name in names) for title, names in groups.items()
    ]
    return "\n\n".join(sections)


def _is_error(name: str) -> bool:
    value = getattr(retrieval, name)
    return name == "FailureKind" or (isinstance(value, type) and issubclass(value, RecallError))
