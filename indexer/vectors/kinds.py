"""Kinds of index: the registry of what `recall optimize` builds, measures and chooses from."""

from __future__ import annotations

from typing import Literal, get_args

from indexer.registry import Entry

Kind = Literal["ivf-sq8", "ivf-sq4", "ivf-pq4", "ivf-rabitq"]
"""Kind of approximate index: an inverted file, by how it stores its vectors."""

APPROXIMATE_KINDS: tuple[Kind, ...] = get_args(Kind)

SERVER_KIND = "pgvector"
"""The kind of index that a database server keeps."""

INDEX_KINDS = (
    Entry("exact", "exact", "compares the query with every vector, in 16 bits per dimension; the default"),
    Entry("ivf-sq8", "ivf-sq8", "inverted lists with 8 bits per dimension"),
    Entry("ivf-sq4", "ivf-sq4", "inverted lists with 4 bits per dimension; built only if ivf-sq8 is too large"),
    Entry("ivf-pq4", "ivf-pq4", "inverted lists with product quantization, 4 bits for every 2 dimensions"),
    Entry("ivf-rabitq", "ivf-rabitq", "inverted lists with RaBitQ, 1 bit per dimension; the smallest"),
    Entry(
        SERVER_KIND,
        SERVER_KIND,
        "HNSW in the PostgreSQL server, searched there: readers hold no vectors; built only if no other kind fits",
    ),
)
"""The kinds of index; all but "exact" only name candidates, which are scored exactly."""
