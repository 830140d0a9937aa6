"""`blend`: orders by a weighted sum of the scores of the search and of earlier rerankers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from indexer.errors import QueryError
from indexer.registry import Entry
from retrieval.search.rerank.normalize import rescale, standardize
from retrieval.search.rerank.protocol import Context, Ranking, Step
from retrieval.search.rerank.registry import parse_number

ENTRY = Entry(
    name="blend",
    syntax="blend:WEIGHT[,WEIGHT…]",
    help="sum up scores: WEIGHT, 0 to 1, for the search and the rest for the last reranker, or a weight for each",
)


class Blend:
    """Orders by w_0 z_0 + w_1 z_1 + …, where z_0 is the score of the search and z_1, z_2, … those of earlier rerankers.

    Each z has mean 0 and standard deviation 1 over the candidates that the step has scored. A candidate without a score
    in a step counts with the score of the search, standardized over the same candidates. A single weight W means W for
    the search and 1 - W for the last step.
    """

    def __init__(self, weights: Sequence[float]) -> None:
        """Set the weights.

        Args:
            weights: One number from 0 to 1; or several, none negative and not all 0, the first for the search and one
                for each earlier step. They are scaled to the sum 1.

        Raises:
            QueryError: The weights are not such numbers.
        """
        if (
            not weights
            or any(not math.isfinite(weight) or weight < 0 for weight in weights)
            or (weights[0] > 1 if len(weights) == 1 else not any(weights))
        ):
            text = ",".join(f"{weight:g}" for weight in weights) or "none"
            raise QueryError(
                f"blend has the weights {text}; expected one number from 0 to 1, for instance blend:0.5, or one for "
                "the search and one for each earlier reranker, for instance blend:1,2"
            )
        self.weights = tuple(weights)

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the candidates by the blended score.

        Raises:
            QueryError: No earlier step has given a score, or there are more or fewer weights than scores.
        """
        name = f"blend:{','.join(f'{weight:g}' for weight in self.weights)}"
        if not ranking.steps:
            raise QueryError(f"{name} has no second score; add a reranker that gives one before it, as encoder:NAME")
        search = ranking.retrieval_score
        scores = [standardize(values, search) for values in (search, *(step.scores for step in ranking.steps))]
        weights = self.weights
        if len(weights) == 1:
            weights, scores = (weights[0], 1 - weights[0]), [scores[0], scores[-1]]
        if len(weights) != len(scores):
            names = ", ".join(["the search", *(step.name for step in ranking.steps)])
            raise QueryError(f"{name} has {len(weights)} weights for {len(scores)} scores ({names}); give one for each")
        blended = np.average(scores, axis=0, weights=weights)
        step = Step(name, blended.astype(np.float32))
        return ranking.reorder(step, rescale(step.scores, search))


def make(argument: str) -> Blend:
    """Return the reranker for the weights after the colon, separated by commas."""
    return Blend([parse_number("blend", weight) for weight in argument.split(",")] if argument else [])
