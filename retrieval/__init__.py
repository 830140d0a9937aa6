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
    from indexer.catalog.counts import Failure
    from indexer.catalog.filters import Filter
    from indexer.catalog.sources import KnownSource
    from indexer.check import Problem, ProblemKind
    from indexer.config import Settings
    from indexer.encoders import load_encoder
    from indexer.encoders.base import Encoder
    from indexer.report import Report
    from indexer.transfer.incoming import ImportReport
    from indexer.transfer.report import ExportReport
    from indexer.types import Preprocess, Progress
    from indexer.vectors.figures import IndexChoice, IndexFigures
    from retrieval.duplicates.groups import DuplicateGroup, DuplicatePhoto, Duplicates
    from retrieval.evaluate import Evaluation
    from retrieval.explain import Explanation
    from retrieval.hits import Hit, Hits, StepScore, TermScore
    from retrieval.library import Library
    from retrieval.private_words import LearnReport, PrivateWord
    from retrieval.query import Query
    from retrieval.rerank import Reranker
    from retrieval.status import Status

__all__ = [
    "ConfigError",
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
    "IndexFigures",
    "ItemError",
    "KnownSource",
    "LearnReport",
    "Library",
    "LibraryError",
    "LibraryLockedError",
    "LibraryVersionError",
    "MissingPackageError",
    "NoPhotosError",
    "PictureError",
    "Preprocess",
    "PrivateWord",
    "Problem",
    "ProblemKind",
    "Progress",
    "Query",
    "QueryError",
    "RecallError",
    "Report",
    "Reranker",
    "Settings",
    "SourceError",
    "Status",
    "StepScore",
    "StorageError",
    "TermScore",
    "TextError",
    "TransferError",
    "TuningError",
    "__version__",
    "load_encoder",
]

_HOMES = {
    "DuplicateGroup": "retrieval.duplicates.groups",
    "DuplicatePhoto": "retrieval.duplicates.groups",
    "Duplicates": "retrieval.duplicates.groups",
    "Encoder": "indexer.encoders.base",
    "Evaluation": "retrieval.evaluate",
    "Explanation": "retrieval.explain",
    "ExportReport": "indexer.transfer.report",
    "Failure": "indexer.catalog.counts",
    "Filter": "indexer.catalog.filters",
    "Hit": "retrieval.hits",
    "Hits": "retrieval.hits",
    "ImportReport": "indexer.transfer.incoming",
    "IndexChoice": "indexer.vectors.figures",
    "IndexFigures": "indexer.vectors.figures",
    "KnownSource": "indexer.catalog.sources",
    "LearnReport": "retrieval.private_words",
    "Library": "retrieval.library",
    "Preprocess": "indexer.types",
    "PrivateWord": "retrieval.private_words",
    "Problem": "indexer.check",
    "ProblemKind": "indexer.check",
    "Progress": "indexer.types",
    "Query": "retrieval.query",
    "Report": "indexer.report",
    "Reranker": "retrieval.rerank",
    "Settings": "indexer.config",
    "Status": "retrieval.status",
    "StepScore": "retrieval.hits",
    "TermScore": "retrieval.hits",
    "load_encoder": "indexer.encoders",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
