"""Judgements in and out: what a user said of hits, kept with what was shown, and as lessons to learn from."""

from __future__ import annotations

from retrieval.feedback.import_export import JudgementImport, export_judgements, import_judgements
from retrieval.feedback.record import JudgeReport, judge, show
from retrieval.feedback.stored_query import key_of, parts_of, query_from

__all__ = [
    "JudgeReport",
    "JudgementImport",
    "export_judgements",
    "import_judgements",
    "judge",
    "key_of",
    "parts_of",
    "query_from",
    "show",
]
