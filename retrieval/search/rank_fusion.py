"""Several rankings of the same things to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

K = 60
"""How much a high rank counts more than a low one; the value of the paper below."""


def reciprocal_ranks(
    rankings: Iterable[Sequence[int]], *, k: int = K, weights: Sequence[Mapping[int, float]] = ()
) -> dict[int, float]:
    """Return the score of each id by reciprocal rank fusion, the best first, equal scores by id.

    The score of an id is the sum of 1 / (k + rank) over the rankings that have it, ranks from 1. It asks only for the
    order, so that rankings may be fused whose scores have nothing to do with each other (Cormack, Clarke and Büttcher,
    "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009).

    Args:
        rankings: Ids, best first; none twice in one ranking.
        k: At least 0.
        weights: For each ranking what its ids count, where that is not 1.
    """
    scores: dict[int, float] = {}
    for number, ranking in enumerate(rankings):
        counts = weights[number] if number < len(weights) else {}
        for rank, id_ in enumerate(ranking, start=1):
            scores[id_] = scores.get(id_, 0.0) + counts.get(id_, 1.0) / (k + rank)
    return dict(sorted(scores.items(), key=lambda pair: (-pair[1], pair[0])))
