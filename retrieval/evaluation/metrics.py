"""Metrics of ranked lists per query: by ir-measures, the extra `evaluate`; without it R@k alone.

R@k is the share of queries with a relevant answer among the first k. That is Success@k of ir-measures and what papers
on Flickr8k and COCO call recall at k (Karpathy and Fei-Fei 2015, section 4.2). R@k of ir-measures is something else:
the share of the relevant answers among the first k, by which a photo with one of its five captions among them is a
fifth found.

nDCG@10 is that of trec_eval: gain = grade, discount log2(1 + rank) with ranks from 1, against the best order of all
relevant answers (Järvelin and Kekäläinen 2002). MRR and mAP count every grade from 1 up as relevant and use the whole
list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids

CUTOFFS = (1, 5, 10)
"""Values of k in R@k."""

RECALL_METRICS = tuple(f"R@{k}" for k in CUTOFFS)
METRICS = (*RECALL_METRICS, "MRR", "nDCG@10", "mAP")

_BLOCK = 50  # queries at once: if the last relevant answer of each has rank 100,000 the process takes 480 MB


@dataclass(frozen=True, slots=True, eq=False)
class RelevantRanks:
    """Ranks of the relevant answers of each query: all that the metrics need to know of a system's lists.

    Attributes:
        queries: Number of queries.
        owners: Query of each relevant answer, ascending, 0 to queries - 1, shape (p,).
        ranks: Rank in the list of that query, 0 for the best, -1 if it is not in the list, shape (p,). The ranks of one
            query differ: a list has an order, also among equal scores.
        grades: Grade of relevance, 1 or more, shape (p,).
    """

    queries: int
    owners: Ids
    ranks: Ids
    grades: Ids


def metric_names() -> tuple[str, ...]:
    """Return the metrics that can be computed: all of `METRICS`, or R@k if ir-measures is not installed."""
    return METRICS if find_spec("ir_measures") is not None else RECALL_METRICS


def values_per_query(relevant: RelevantRanks, *, report: Callable[[int], None] = lambda _: None) -> NDArray[np.float64]:
    """Return each metric of `metric_names` for each query, shape (queries, metrics), 0 to 1.

    All are exact: lists are passed on up to their last relevant answer, and no metric depends on what follows.

    Args:
        relevant: Ranks of the relevant answers.
        report: Called with the number of measured queries.
    """
    if metric_names() == RECALL_METRICS:
        return np.stack([_best_ranks(relevant) < k for k in CUTOFFS], axis=1).astype(np.float64)
    values = np.empty((relevant.queries, len(METRICS)))
    for start in range(0, relevant.queries, _BLOCK):
        stop = min(start + _BLOCK, relevant.queries)
        values[start:stop] = _measure_block(relevant, start, stop)
        report(stop)
    return values


def _best_ranks(relevant: RelevantRanks) -> Ids:
    """Return the rank of each query's best relevant answer, the largest integer if there is none, (queries,)."""
    is_listed = relevant.ranks >= 0
    best = np.full(relevant.queries, np.iinfo(np.int64).max)
    np.minimum.at(best, relevant.owners[is_listed], relevant.ranks[is_listed])
    return best


def _measure_block(relevant: RelevantRanks, start: int, stop: int) -> NDArray[np.float64]:
    """Return the metrics of a range of queries by ir-measures, shape (stop - start, metrics).

    An answer is named after its rank, so that one list of names serves all queries. Its score is the negative rank:
    trec_eval orders equal scores by name, and here there are none.
    """
    from ir_measures import AP, RR, Success, iter_calc, nDCG  # late: an extra, needed for nothing else

    columns = {measure: column for column, measure in enumerate((*(Success @ k for k in CUTOFFS), RR, nDCG @ 10, AP))}
    first, last = np.searchsorted(relevant.owners, (start, stop))
    owners, ranks = relevant.owners[first:last] - start, relevant.ranks[first:last]
    lengths = np.zeros(stop - start, dtype=np.int64)
    np.maximum.at(lengths, owners, ranks + 1)
    names = [str(rank) for rank in range(int(lengths.max()))]
    scores = [-float(rank) for rank in range(len(names))]
    grades: dict[str, dict[str, int]] = {str(query): {} for query in range(stop - start)}
    for row, (query, rank, grade) in enumerate(
        zip(owners.tolist(), ranks.tolist(), relevant.grades[first:last].tolist(), strict=True)
    ):
        grades[str(query)][names[rank] if rank >= 0 else f"missing {row}"] = grade
    lists = {
        str(query): dict(zip(names[:length], scores[:length], strict=True))
        for query, length in enumerate(lengths.tolist())
    }
    values = np.zeros((stop - start, len(columns)))
    for metric in iter_calc(list(columns), grades, lists):
        values[int(metric.query_id), columns[metric.measure]] = metric.value
    return values
