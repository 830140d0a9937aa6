"""Reciprocal rank fusion: several rankings of the same items become one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

_K = 60
"""How little high ranks count more than low ones; the value of the paper below."""


def reciprocal_ranks(
    rankings: Iterable[Sequence[int]], *, k: int = _K, weights: Sequence[Mapping[int, float]] = ()
) -> dict[int, float]:
    """Return the score of each id by reciprocal rank fusion, best first, ties by id.

    The score of an id is the sum of 1 / (k + rank) over the rankings that contain it; ranks begin with 1. Only the
    order counts, so rankings with unrelated scores can be fused (Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion
    outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009).

    Args:
        rankings: Ids, best first; no id twice in one ranking.
        k: At least 0.
        weights: For each ranking, the weights of ids that do not have weight 1.
    """
    scores: dict[int, float] = {}
    for number, ranking in enumerate(rankings):
        weight_of = weights[number] if number < len(weights) else {}
        for rank, id_ in enumerate(ranking, start=1):
            scores[id_] = scores.get(id_, 0.0) + weight_of.get(id_, 1.0) / (k + rank)
    return dict(sorted(scores.items(), key=lambda pair: (-pair[1], pair[0])))
