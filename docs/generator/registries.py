"""Tables of what users choose by name: encoders, kinds of index, rerankers, export formats."""

from __future__ import annotations

from collections.abc import Sequence

from docs.generator.markdown import code, table
from indexer.encoders import NAME_FORMS
from indexer.encoders.recommended import RECOMMENDED, RecommendedEncoder
from indexer.registry import Entry
from indexer.transfer import EXPORT_FORMATS
from indexer.vectors import INDEX_KINDS
from retrieval.search.rerank.registry import reranker_entries


def encoders() -> str:
    """Return the table of the ways to name an encoder."""
    return _table("`--encoder`", NAME_FORMS)


def recommended_encoders() -> str:
    """Return the table of the recommended encoders."""
    head = ("Name", "Parameters", "Download", "For", "Languages", "Licence of the weights", "Published quality")
    return table(head, [_recommended(encoder) for encoder in RECOMMENDED])


def _recommended(encoder: RecommendedEncoder) -> tuple[str, ...]:
    research = ", for research only" if encoder.is_for_research_only else ""
    other = f"; for other uses: {code(encoder.alternative)}" if encoder.alternative else ""
    return (
        code(encoder.alias),
        f"{encoder.parameters:,} million",
        f"{encoder.megabytes:,} MB" if encoder.megabytes else "none, it ships with Recall",
        _sentence(encoder.help),
        encoder.languages,
        f"[{encoder.licence}]({encoder.licence_url}){research}{other}",
        f"{encoder.quality} ({encoder.quality_source})" if encoder.quality else "",
    )


def indexes() -> str:
    """Return the table of the kinds of index."""
    return _table("Index", INDEX_KINDS)


def rerankers() -> str:
    """Return the table of the rerankers."""
    return _table("`--rerank`", reranker_entries())


def exports() -> str:
    """Return the table of the formats of exports."""
    return _table("`--format`", EXPORT_FORMATS)


def _table(head: str, entries: Sequence[Entry]) -> str:
    rows = [(code(entry.syntax), _sentence(entry.help), code(entry.default)) for entry in entries]
    if not any(default for _, _, default in rows):
        return table((head, "What it does"), [row[:2] for row in rows])
    return table((head, "What it does", "Default"), rows)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
