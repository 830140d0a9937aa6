"""Rerankers: candidates in, the same in another order or in groups out, by name or as objects of your own.

protocol.py    Reranker, the Ranking that goes through it, and what it may look at
names.py       "mmr:0.7" -> a reranker
chain.py       several in their order, over as many candidates as it takes
exact.py       exact      the cosine again, in float32, from what the catalog holds
mmr.py         mmr        diversity
bursts.py      bursts     a burst becomes one hit
encoder.py     encoder    another encoder's score
extra.py       the embeddings that it needs, kept in the catalog
blend.py       blend      weighted sum of the scores so far
scales.py      scores of different encoders on one scale
"""

from __future__ import annotations

from retrieval.search.rerank.chain import POOL, Chain, reranked
from retrieval.search.rerank.protocol import Context, Ranking, Reranker, Step
from retrieval.search.rerank.registry import FORMS, chain_names, names_rerankers, rerankers

__all__ = [
    "FORMS",
    "POOL",
    "Chain",
    "Context",
    "Ranking",
    "Reranker",
    "Step",
    "chain_names",
    "names_rerankers",
    "reranked",
    "rerankers",
]
