"""`mmr`: picks results that are relevant and differ from each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from indexer.errors import QueryError
from indexer.registry import Entry
from indexer.vectors.base import inner_products
from retrieval.search.rerank.protocol import Context, Ranking, Step
from retrieval.search.rerank.registry import parse_number

ENTRY = Entry(
    name="mmr",
    syntax="mmr[:LAMBDA]",
    help="diversify the results; LAMBDA is from 0 (most diverse) to 1 (order unchanged)",
    default="0.8",
)

_DEFAULT = float(ENTRY.default)
"""Of 0.9, 0.8, 0.7, … the smallest that costs less than 2 points of R@10 on Flickr8k (tests/bench/reranking.py)."""


class Mmr:
    """Maximal marginal relevance (Carbonell and Goldstein 1998, section 2).

    The next result is the candidate with the highest  L * s - (1 - L) * max cos(candidate, earlier result),  where s is
    its score in the ranking, at first its cosine with the query, and L is lambda.
    """

    def __init__(self, balance: float = _DEFAULT) -> None:
        """Set lambda.

        Args:
            balance: Lambda, from 0 (only diversity) to 1 (only relevance: the order does not change).

        Raises:
            QueryError: Lambda is not from 0 to 1.
        """
        if not 0 <= balance <= 1:
            raise QueryError(
                f"mmr has lambda {balance:g}; expected a number from 0 (most diverse) to 1 (order unchanged)"
            )
        self.balance = balance

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the candidates in the order in which they are picked; ties keep their order."""
        vectors = ranking.candidates.vectors
        relevance = self.balance * ranking.score  # (n,)
        nearest = np.zeros(len(ranking), dtype=np.float32)  # cosine with the nearest earlier pick; none yet
        order: list[int] = []
        values: list[float] = []
        remaining = np.ones(len(ranking), dtype=np.bool_)
        for _ in range(len(ranking)):
            marginal = np.where(remaining, relevance - (1 - self.balance) * nearest, -np.inf)
            pick = int(marginal.argmax())
            order.append(pick)
            values.append(float(marginal[pick]))
            remaining[pick] = False
            cosines = inner_products(vectors[pick], vectors)  # (n,)
            nearest = cosines if len(order) == 1 else np.maximum(nearest, cosines)
        picked = ranking.take(order)
        step = Step(f"mmr:{self.balance:g}", np.array(values, dtype=np.float32))
        return replace(picked, steps=(*picked.steps, step))


def make(argument: str) -> Mmr:
    """Return the reranker for the lambda after the colon, "" for the default."""
    return Mmr(parse_number("mmr", argument) if argument else _DEFAULT)
