"""Records judgements and the impressions that they belong to, and exports and imports judgements.

From outside call `record_impression`, `record_judgements`, `export_judgements`, `import_judgements`,
`judgement_record` and the functions of `stored_query`.
"""

from __future__ import annotations

from retrieval.feedback.import_export import (
    JudgementImport,
    export_judgements,
    import_judgements,
    judgement_record,
)
from retrieval.feedback.record import JudgedHit, JudgeReport, record_impression, record_judgements
from retrieval.feedback.stored_query import query_from_parts, query_key, query_parts

__all__ = [
    "JudgeReport",
    "JudgedHit",
    "JudgementImport",
    "export_judgements",
    "import_judgements",
    "judgement_record",
    "query_from_parts",
    "query_key",
    "query_parts",
    "record_impression",
    "record_judgements",
]
