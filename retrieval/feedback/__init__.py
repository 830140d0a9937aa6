"""Judgements in and out: what a user said of hits, kept with what was shown, and as lessons to learn from."""

from __future__ import annotations

from retrieval.feedback.asked import key_of, parts_of, query_from
from retrieval.feedback.exchange import Imported, export_judgements, import_judgements
from retrieval.feedback.judging import JudgeReport, judge, show

__all__ = [
    "Imported",
    "JudgeReport",
    "export_judgements",
    "import_judgements",
    "judge",
    "key_of",
    "parts_of",
    "query_from",
    "show",
]
