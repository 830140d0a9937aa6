"""`blend`: a weighted sum of the scores so far."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from indexer.errors import QueryError
from retrieval.search.rerank.normalize import on_scale, standard
from retrieval.search.rerank.protocol import Context, Ranking, Step


class Blend:
    """Orders by w_0 z_0 + w_1 z_1 + …, where z_0 is the library's own score and the others those of the steps before.

    Each z has mean 0 and standard deviation 1 over the candidates that the step has scored; where it has none the
    library's own score, on the same scale, stands in. One weight W means W for the library's own score and 1 - W for
    the last step.
    """

    def __init__(self, weights: Sequence[float]) -> None:
        """Make one.

        Args:
            weights: One number from 0 to 1; or several, none of them below 0 and not all 0, for the library's own
                score and then for each step before. They are scaled to the sum 1.

        Raises:
            QueryError: They are no such numbers.
        """
        if (
            not weights
            or any(not math.isfinite(weight) or weight < 0 for weight in weights)
            or (weights[0] > 1 if len(weights) == 1 else not any(weights))
        ):
            given = ",".join(f"{weight:g}" for weight in weights) or "none"
            raise QueryError(
                f"blend has the weights {given}; expected one number from 0 to "
                "1, for instance blend:0.5, or one for the library's own score and each step before, for instance "
                "blend:1,2"
            )
        self.weights = tuple(weights)

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the candidates by the blended score.

        Raises:
            QueryError: No step before has given a score, or there are more or fewer weights than scores.
        """
        name = f"blend:{','.join(f'{weight:g}' for weight in self.weights)}"
        if not ranking.steps:
            raise QueryError(f"{name} has no second score; put a step that gives one before it, such as encoder:NAME")
        own = ranking.retrieval_score
        scores = [standard(each, own) for each in (own, *(step.scores for step in ranking.steps))]
        weights = self.weights
        if len(weights) == 1:
            weights, scores = (weights[0], 1 - weights[0]), [scores[0], scores[-1]]
        if len(weights) != len(scores):
            names = ", ".join(["the library's own", *(step.name for step in ranking.steps)])
            raise QueryError(f"{name} has {len(weights)} weights for {len(scores)} scores ({names}); give one for each")
        blended = np.average(scores, axis=0, weights=weights)
        step = Step(name, blended.astype(np.float32))
        return ranking.scored(step, on_scale(step.scores, own))
