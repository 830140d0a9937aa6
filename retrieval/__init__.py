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
    TransferError,
)

if TYPE_CHECKING:
    from indexer.catalog.queries import Failure, Filters
    from indexer.catalog.sources import KnownSource
    from indexer.check import Problem, ProblemKind
    from indexer.config import Settings
    from indexer.encoders import load_encoder
    from indexer.encoders.base import Encoder
    from indexer.report import Report
    from indexer.transfer.incoming import ImportReport
    from indexer.transfer.report import ExportReport
    from indexer.types import Preprocess, Progress
    from retrieval.evaluate import Evaluation
    from retrieval.explain import Explanation
    from retrieval.hits import Hit, Hits, TermScore
    from retrieval.library import Library
    from retrieval.query import Query
    from retrieval.status import Status

__all__ = [
    "ConfigError",
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
    "Filters",
    "Hit",
    "Hits",
    "ImportReport",
    "KnownSource",
    "Library",
    "LibraryError",
    "LibraryLockedError",
    "LibraryVersionError",
    "MissingPackageError",
    "NoPhotosError",
    "PictureError",
    "Preprocess",
    "Problem",
    "ProblemKind",
    "Progress",
    "Query",
    "QueryError",
    "RecallError",
    "Report",
    "Settings",
    "SourceError",
    "Status",
    "StorageError",
    "TermScore",
    "TransferError",
    "__version__",
    "load_encoder",
]

_HOMES = {
    "Encoder": "indexer.encoders.base",
    "Evaluation": "retrieval.evaluate",
    "Explanation": "retrieval.explain",
    "ExportReport": "indexer.transfer.report",
    "Failure": "indexer.catalog.queries",
    "Filters": "indexer.catalog.queries",
    "Hit": "retrieval.hits",
    "Hits": "retrieval.hits",
    "ImportReport": "indexer.transfer.incoming",
    "KnownSource": "indexer.catalog.sources",
    "Library": "retrieval.library",
    "Preprocess": "indexer.types",
    "Problem": "indexer.check",
    "ProblemKind": "indexer.check",
    "Progress": "indexer.types",
    "Query": "retrieval.query",
    "Report": "indexer.report",
    "Settings": "indexer.config",
    "Status": "retrieval.status",
    "TermScore": "retrieval.hits",
    "load_encoder": "indexer.encoders",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
