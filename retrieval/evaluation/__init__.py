"""Measures retrieval quality: evaluation sets, metrics with confidence intervals, and paired comparisons.

    evaluate_captions(table, encoder)     an encoder on captioned pictures, in both directions
    Library.evaluate(table)               the search of a library, for queries with known answers
    compare(first, second)                two evaluations of the same set, with a paired test

A system that is evaluated returns a ranked list of answers for each query. The metrics need only the ranks of the
relevant answers (`RelevantRanks`), so anything that yields these can be measured and compared.

From outside call the names in `__all__`, `search_quality` for `Library.evaluate`, `rank_both_ways`, and the intervals
and tests of `bootstrap`.
"""

from __future__ import annotations

from retrieval.evaluation.caption_retrieval import evaluate_captions
from retrieval.evaluation.compare import Comparison, Difference, compare
from retrieval.evaluation.datasets import CaptionedPicture, JudgedQuery, read_captions, read_queries, set_kind
from retrieval.evaluation.judged_pairs import evaluate_judgements
from retrieval.evaluation.metrics import RelevantRanks, values_per_query
from retrieval.evaluation.result import Direction, Evaluation

__all__ = [
    "CaptionedPicture",
    "Comparison",
    "Difference",
    "Direction",
    "Evaluation",
    "JudgedQuery",
    "RelevantRanks",
    "compare",
    "evaluate_captions",
    "evaluate_judgements",
    "read_captions",
    "read_queries",
    "set_kind",
    "values_per_query",
]
