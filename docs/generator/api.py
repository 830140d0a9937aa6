"""The page of the Python API: what `retrieval` exports, in groups, for mkdocstrings."""

from __future__ import annotations

from pathlib import Path

import retrieval
from indexer.errors import RecallError

GROUPS = {
    "Library": (
        "Library",
        "DatabaseUrl",
        "Settings",
        "Source",
        "Status",
        "Failure",
        "SyncReport",
        "MissingFolder",
        "Problem",
        "ProblemKind",
    ),
    "Queries and filters": (
        "Query",
        "Part",
        "QueryVector",
        "Filter",
        "MetadataKey",
        "Picture",
        "SearchKind",
        "Sort",
        "Modality",
    ),
    "Results": ("Hits", "Hit", "Expected", "Understood", "PartScore", "WordHit", "RerankScore"),
    "Items without files": ("AddReport", "AddFailure", "PictureInput", "Keep", "OnConflict"),
    "Lists": ("Items", "Item", "ItemSort", "NamedItem"),
    "Galleries": ("Layout", "Facets", "FacetValue", "Positions", "WebThumbnail", "ThumbnailSize", "Original"),
    "Explanations": ("Explanation", "WordEffect", "Regions", "Region"),
    "Reranking": ("Reranker", "Ranking", "Context", "Step"),
    "Duplicates": ("Duplicates", "DuplicateGroup", "DuplicatePhoto"),
    "Private words": ("PrivateWord", "LearnReport"),
    "Judgements": ("Judgement", "JudgedHit", "JudgeReport", "JudgementImport"),
    "Tuning": ("TuningMethod", "TuningReport", "Version"),
    "Evaluation": ("Evaluation", "Direction"),
    "Encoders": (
        "load_encoder",
        "Encoder",
        "FullEncoder",
        "Precision",
        "Preprocess",
        "Vectors",
        "EncoderChange",
        "EncoderState",
    ),
    "Indexes": ("IndexChoice", "IndexMeasurement", "IndexTarget", "SearchDepth"),
    "Export and import": ("ExportFormat", "ExportReport", "ImportReport"),
    "Many machines": ("embed_parts", "PartsReport"),
    "Progress": ("Progress", "ProgressCallback"),
}
"""The groups and their names. Errors have a page of their own."""


def page() -> str:
    """Return an mkdocstrings block for each public name.

    Raises:
        ValueError: A public name is in no group, or a group has a name that is not public.
    """
    public = {name for name in retrieval.__all__ if not name.startswith("_") and not _is_error(name)}
    grouped = {name for names in GROUPS.values() for name in names}
    if public != grouped:
        raise ValueError(f"correct GROUPS in {Path(__file__).name}: {', '.join(sorted(public ^ grouped))}")
    return "\n\n".join(
        f"## {title}\n\n" + "\n\n".join(f"::: retrieval.{name}" for name in names) for title, names in GROUPS.items()
    )


def _is_error(name: str) -> bool:
    value = getattr(retrieval, name)
    return name == "FailureKind" or (isinstance(value, type) and issubclass(value, RecallError))
