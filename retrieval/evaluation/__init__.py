"""How well photos are found: evaluation sets, metrics with intervals, and systems compared.

    evaluate_captions(table, encoder)     an encoder on captioned pictures, both ways
    Library.evaluate(table)               what a library's search gives for queries whose answers are known
    compare(first, second)                two evaluations of the same set, with a paired test

What is evaluated is a system that gives each query a list of answers, best first. Of its lists the metrics need only
the places of the relevant answers (`Judged`); whatever gives these can be measured and compared.
"""

from __future__ import annotations

from retrieval.evaluation.caption_retrieval import evaluate_captions
from retrieval.evaluation.compare import Comparison, Difference, compare
from retrieval.evaluation.datasets import CaptionedPicture, JudgedQuery, read_captions, read_queries, set_kind
from retrieval.evaluation.metrics import Judged, values_per_query
from retrieval.evaluation.result import Direction, Evaluation

__all__ = [
    "CaptionedPicture",
    "Comparison",
    "Difference",
    "Direction",
    "Evaluation",
    "Judged",
    "JudgedQuery",
    "compare",
    "evaluate_captions",
    "read_captions",
    "read_queries",
    "set_kind",
    "values_per_query",
]
