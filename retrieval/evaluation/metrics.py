"""Metrics of ranked lists, by query: from ir-measures, the extra `evaluate`; without it R@k alone.

R@k here is the share of queries with a relevant answer among the first k, which is ir-measures' Success@k and what
papers on Flickr8k and COCO call recall at k (Karpathy and Fei-Fei 2015, section 4.2). ir-measures' own R@k is another
thing: the share of the relevant answers that are among the first k, which counts a photo as a fifth found where one of
its five captions is.

nDCG@10 is that of trec_eval: gain = grade, discount log2(1 + place) with places from 1, against the best order of all
relevant answers (Järvelin and Kekäläinen 2002). MRR and mAP count every grade from 1 up as relevant and look at the
whole list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids

RANKS = (1, 5, 10)

PLAIN = tuple(f"R@{k}" for k in RANKS)
METRICS = (*PLAIN, "MRR", "nDCG@10", "mAP")

_BLOCK = 50  # queries at once: with the last relevant answer of each at place 100,000 the process takes 480 MB


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Where a system put the relevant answers of each query: all that the metrics need to know of its lists.

    Attributes:
        queries: How many there are.
        owners: Which query each relevant answer belongs to, ascending, 0 to queries - 1, shape (p,).
        places: Its place in the list of that query, 0 for the best, -1 where it is not there, shape (p,). No two of a
            query are equal: a list has an order, also among equal scores.
        grades: How well it answers, 1 or more, shape (p,).
    """

    queries: int
    owners: Ids
    places: Ids
    grades: Ids


def metric_names() -> tuple[str, ...]:
    """Return what can be measured here: all of `METRICS`, or R@k where ir-measures is not installed."""
    return METRICS if find_spec("ir_measures") is not None else PLAIN


def values_per_query(judged: Judged, *, report: Callable[[int], None] = lambda _: None) -> NDArray[np.float64]:
    """Return each metric of `metric_names` for each query, shape (queries, metrics), 0 to 1.

    All are exact: no list is cut. A list is handed over up to its last relevant answer, since none of the metrics looks
    at what comes after.

    Args:
        judged: Where the relevant answers are.
        report: Called with how many queries are done.
    """
    if metric_names() == PLAIN:
        return np.stack([_first_places(judged) < k for k in RANKS], axis=1).astype(np.float64)
    values = np.empty((judged.queries, len(METRICS)))
    for start in range(0, judged.queries, _BLOCK):
        stop = min(start + _BLOCK, judged.queries)
        values[start:stop] = _measured(judged, start, stop)
        report(stop)
    return values


def _first_places(judged: Judged) -> Ids:
    """Return the place of each query's first relevant answer, the largest integer where none is found, (queries,)."""
    found = judged.places >= 0
    firsts = np.full(judged.queries, np.iinfo(np.int64).max)
    np.minimum.at(firsts, judged.owners[found], judged.places[found])
    return firsts


def _measured(judged: Judged, start: int, stop: int) -> NDArray[np.float64]:
    """Return what ir-measures says of some queries, shape (stop - start, metrics).

    An answer is called by its place in the list, so that one list of names serves all queries. Its score is the
    negative place: trec_eval orders equal scores by name, and here there are none.
    """
    from ir_measures import AP, RR, Success, iter_calc, nDCG  # late: an extra, needed for nothing else

    columns = {measure: column for column, measure in enumerate((*(Success @ k for k in RANKS), RR, nDCG @ 10, AP))}
    first, last = np.searchsorted(judged.owners, (start, stop))
    owners, places = judged.owners[first:last] - start, judged.places[first:last]
    lengths = np.zeros(stop - start, dtype=np.int64)
    np.maximum.at(lengths, owners, places + 1)
    names = [str(place) for place in range(int(lengths.max()))]
    scores = [-float(place) for place in range(len(names))]
    relevant: dict[str, dict[str, int]] = {str(query): {} for query in range(stop - start)}
    for row, (query, place, grade) in enumerate(
        zip(owners.tolist(), places.tolist(), judged.grades[first:last].tolist(), strict=True)
    ):
        relevant[str(query)][names[place] if place >= 0 else f"missing {row}"] = grade
    lists = {
        str(query): dict(zip(names[:length], scores[:length], strict=True))
        for query, length in enumerate(lengths.tolist())
    }
    values = np.zeros((stop - start, len(columns)))
    for metric in iter_calc(list(columns), relevant, lists):
        values[int(metric.query_id), columns[metric.measure]] = metric.value
    return values
