"""Finds: searches photos by words and pictures. `from retrieval import Library` is the door for apps.

Names are loaded when they are first used, so that `recall --help` does not wait for a database library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from indexer import __version__
from indexer.errors import (
    ConfigError,
    EncoderError,
    EncoderMismatchError,
    EncoderNotFoundError,
    EvaluationError,
    FailureKind,
    FeedbackError,
    ItemError,
    LibraryError,
    LibraryLockedError,
    LibraryVersionError,
    MissingPackageError,
    NoPhotosError,
    PictureError,
    QueryError,
    RecallError,
    SourceError,
    StorageError,
    TextError,
    TransferError,
    TuningError,
)

if TYPE_CHECKING:
    from indexer.catalog.filters.expression import Filter
    from indexer.catalog.statements.counts import Failure
    from indexer.catalog.statements.sources import Source
    from indexer.config import Settings
    from indexer.encoders import load_encoder
    from indexer.encoders.base import Encoder
    from indexer.maintenance.check import Problem, ProblemKind
    from indexer.maintenance.status import Status
    from indexer.sync.report import SyncReport
    from indexer.transfer.import_items import ImportReport
    from indexer.transfer.report import ExportReport
    from indexer.types import Preprocess, Progress
    from indexer.vectors.measurements import IndexChoice, IndexMeasurement
    from retrieval.duplicates.groups import DuplicateGroup, DuplicatePhoto, Duplicates
    from retrieval.evaluation import Evaluation
    from retrieval.explain import Explanation
    from retrieval.library import Library
    from retrieval.query.private_words import LearnReport, PrivateWord
    from retrieval.query.query import Query
    from retrieval.search.hits import Hit, Hits, PartScore, RerankScore
    from retrieval.search.rerank.protocol import Context, Ranking, Reranker, Step

__all__ = [
    "ConfigError",
    "Context",
    "DuplicateGroup",
    "DuplicatePhoto",
    "Duplicates",
    "Encoder",
    "EncoderError",
    "EncoderMismatchError",
    "EncoderNotFoundError",
    "Evaluation",
    "EvaluationError",
    "Explanation",
    "ExportReport",
    "Failure",
    "FailureKind",
    "FeedbackError",
    "Filter",
    "Hit",
    "Hits",
    "ImportReport",
    "IndexChoice",
    "IndexMeasurement",
    "ItemError",
    "LearnReport",
    "Library",
    "LibraryError",
    "LibraryLockedError",
    "LibraryVersionError",
    "MissingPackageError",
    "NoPhotosError",
    "PartScore",
    "PictureError",
    "Preprocess",
    "PrivateWord",
    "Problem",
    "ProblemKind",
    "Progress",
    "Query",
    "QueryError",
    "Ranking",
    "RecallError",
    "RerankScore",
    "Reranker",
    "Settings",
    "Source",
    "SourceError",
    "Status",
    "Step",
    "StorageError",
    "SyncReport",
    "TextError",
    "TransferError",
    "TuningError",
    "__version__",
    "load_encoder",
]

_HOMES = {
    "Context": "retrieval.search.rerank.protocol",
    "DuplicateGroup": "retrieval.duplicates.groups",
    "DuplicatePhoto": "retrieval.duplicates.groups",
    "Duplicates": "retrieval.duplicates.groups",
    "Encoder": "indexer.encoders.base",
    "Evaluation": "retrieval.evaluation",
    "Explanation": "retrieval.explain",
    "ExportReport": "indexer.transfer.report",
    "Failure": "indexer.catalog.statements.counts",
    "Filter": "indexer.catalog.filters.expression",
    "Hit": "retrieval.search.hits",
    "Hits": "retrieval.search.hits",
    "ImportReport": "indexer.transfer.import_items",
    "IndexChoice": "indexer.vectors.measurements",
    "IndexMeasurement": "indexer.vectors.measurements",
    "LearnReport": "retrieval.query.private_words",
    "Library": "retrieval.library",
    "PartScore": "retrieval.search.hits",
    "Preprocess": "indexer.types",
    "PrivateWord": "retrieval.query.private_words",
    "Problem": "indexer.maintenance.check",
    "ProblemKind": "indexer.maintenance.check",
    "Progress": "indexer.types",
    "Query": "retrieval.query.query",
    "Ranking": "retrieval.search.rerank.protocol",
    "RerankScore": "retrieval.search.hits",
    "Reranker": "retrieval.search.rerank.protocol",
    "Settings": "indexer.config",
    "Source": "indexer.catalog.statements.sources",
    "Status": "indexer.maintenance.status",
    "Step": "retrieval.search.rerank.protocol",
    "SyncReport": "indexer.sync.report",
    "load_encoder": "indexer.encoders",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
