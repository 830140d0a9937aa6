"""`mmr`: hits that are good and differ from each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from indexer.errors import QueryError
from indexer.vectors.base import inner_products
from retrieval.search.rerank.protocol import Context, Ranking, Step

DEFAULT = 0.8
"""Of 0.9, 0.8, 0.7, … the smallest that costs less than 2 points of R@10 on Flickr8k (tests/bench/reranking.py)."""


class Mmr:
    """Maximal marginal relevance (Carbonell and Goldstein 1998, section 2).

    The next hit is the candidate with the greatest  L * s - (1 - L) * max cos(it, a hit before it),  where s is its
    standing, at first its cosine with the query, and L is lambda.
    """

    def __init__(self, balance: float = DEFAULT) -> None:
        """Make one.

        Args:
            balance: Lambda, 0 (only diversity) to 1 (only relevance: the order stays).

        Raises:
            QueryError: It is no such number.
        """
        if not 0 <= balance <= 1:
            raise QueryError(f"mmr has the lambda {balance:g}; expected a number from 0 (most diverse) to 1 (as found)")
        self.balance = balance

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the candidates in the order in which they are picked; equal ones stay in the order they had."""
        vectors = ranking.candidates.vectors
        relevance = self.balance * ranking.score  # (n,)
        nearest = np.zeros(len(ranking), dtype=np.float32)  # the first pick is the best: nothing is before it
        order: list[int] = []
        values: list[float] = []
        left = np.ones(len(ranking), dtype=np.bool_)
        for _ in range(len(ranking)):
            marginal = np.where(left, relevance - (1 - self.balance) * nearest, -np.inf)
            pick = int(marginal.argmax())
            order.append(pick)
            values.append(float(marginal[pick]))
            left[pick] = False
            likeness = inner_products(vectors[pick], vectors)  # (n,)
            nearest = likeness if len(order) == 1 else np.maximum(nearest, likeness)
        picked = ranking.take(order)
        step = Step(f"mmr:{self.balance:g}", np.array(values, dtype=np.float32))
        return replace(picked, steps=(*picked.steps, step))
