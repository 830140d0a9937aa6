"""Searches, explains and learns: the query layer, the command line, and `Library`, which apps import.

From outside use the names in `__all__`. Each is imported on first use, so that `recall --help` does not wait for a
database library.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer import __version__
    from indexer.catalog.filters.expression import Filter
    from indexer.catalog.filters.metadata_key import MetadataKey
    from indexer.catalog.statements.counts import Failure
    from indexer.catalog.statements.judgements import Judgement
    from indexer.catalog.statements.listing import Item
    from indexer.catalog.statements.reencoding import EncoderState
    from indexer.catalog.statements.sources import Source
    from indexer.catalog.statements.versions import Version
    from indexer.config import Settings
    from indexer.encoders import load_encoder
    from indexer.encoders.base import Encoder
    from indexer.encoders.full_encoder import FullEncoder
    from indexer.encoders.names import Precision
    from indexer.errors import (
        ConfigError,
        EncoderError,
        EncoderMismatchError,
        EncoderNotFoundError,
        EvaluationError,
        FailureKind,
        FeedbackError,
        ItemError,
        LibraryClosedError,
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
    from indexer.maintenance.check import Problem, ProblemKind
    from indexer.maintenance.reencode import EncoderChange
    from indexer.maintenance.status import Status
    from indexer.sync.report import MissingFolder, SyncReport
    from indexer.transfer.formats import ExportFormat
    from indexer.transfer.report import ExportReport, ImportReport
    from indexer.types import Modality, Preprocess, Progress, ProgressCallback
    from indexer.vectors.measurements import IndexChoice, IndexMeasurement, IndexTarget, SearchDepth
    from retrieval.calibration.expected import Expected
    from retrieval.duplicates.groups import DuplicateGroup, DuplicatePhoto, Duplicates
    from retrieval.evaluation import Direction, Evaluation
    from retrieval.explain import Explanation, Region, Regions, WordEffect
    from retrieval.feedback import JudgedHit, JudgementImport, JudgeReport
    from retrieval.library import Library
    from retrieval.library.tuning import TuningMethod
    from retrieval.query.part import Part, Picture
    from retrieval.query.private_words import LearnReport, PrivateWord
    from retrieval.query.query import Query
    from retrieval.query.understanding.understood import Understood
    from retrieval.search.engine import SearchKind
    from retrieval.search.hits import Hit, Hits, PartScore, RerankScore
    from retrieval.search.listing import Items, ItemSort
    from retrieval.search.paging import Sort
    from retrieval.search.rerank.protocol import Context, Ranking, Reranker, Step
    from retrieval.search.word_evidence import WordHit
    from retrieval.tuning.report import TuningReport

__all__ = [
    "ConfigError",
    "Context",
    "Direction",
    "DuplicateGroup",
    "DuplicatePhoto",
    "Duplicates",
    "Encoder",
    "EncoderChange",
    "EncoderError",
    "EncoderMismatchError",
    "EncoderNotFoundError",
    "EncoderState",
    "Evaluation",
    "EvaluationError",
    "Expected",
    "Explanation",
    "ExportFormat",
    "ExportReport",
    "Failure",
    "FailureKind",
    "FeedbackError",
    "Filter",
    "FullEncoder",
    "Hit",
    "Hits",
    "ImportReport",
    "IndexChoice",
    "IndexMeasurement",
    "IndexTarget",
    "Item",
    "ItemError",
    "ItemSort",
    "Items",
    "JudgeReport",
    "JudgedHit",
    "Judgement",
    "JudgementImport",
    "LearnReport",
    "Library",
    "LibraryClosedError",
    "LibraryError",
    "LibraryLockedError",
    "LibraryVersionError",
    "MetadataKey",
    "MissingFolder",
    "MissingPackageError",
    "Modality",
    "NoPhotosError",
    "Part",
    "PartScore",
    "Picture",
    "PictureError",
    "Precision",
    "Preprocess",
    "PrivateWord",
    "Problem",
    "ProblemKind",
    "Progress",
    "ProgressCallback",
    "Query",
    "QueryError",
    "Ranking",
    "RecallError",
    "Region",
    "Regions",
    "RerankScore",
    "Reranker",
    "SearchDepth",
    "SearchKind",
    "Settings",
    "Sort",
    "Source",
    "SourceError",
    "Status",
    "Step",
    "StorageError",
    "SyncReport",
    "TextError",
    "TransferError",
    "TuningError",
    "TuningMethod",
    "TuningReport",
    "Understood",
    "Version",
    "WordEffect",
    "WordHit",
    "__version__",
    "load_encoder",
]

_MODULES = {
    "ConfigError": "indexer.errors",
    "Context": "retrieval.search.rerank.protocol",
    "Direction": "retrieval.evaluation",
    "DuplicateGroup": "retrieval.duplicates.groups",
    "DuplicatePhoto": "retrieval.duplicates.groups",
    "Duplicates": "retrieval.duplicates.groups",
    "Encoder": "indexer.encoders.base",
    "EncoderChange": "indexer.maintenance.reencode",
    "EncoderError": "indexer.errors",
    "EncoderMismatchError": "indexer.errors",
    "EncoderNotFoundError": "indexer.errors",
    "EncoderState": "indexer.catalog.statements.reencoding",
    "Evaluation": "retrieval.evaluation",
    "EvaluationError": "indexer.errors",
    "Expected": "retrieval.calibration.expected",
    "Explanation": "retrieval.explain",
    "ExportFormat": "indexer.transfer.formats",
    "ExportReport": "indexer.transfer.report",
    "Failure": "indexer.catalog.statements.counts",
    "FailureKind": "indexer.errors",
    "FeedbackError": "indexer.errors",
    "Filter": "indexer.catalog.filters.expression",
    "FullEncoder": "indexer.encoders.full_encoder",
    "Hit": "retrieval.search.hits",
    "Hits": "retrieval.search.hits",
    "ImportReport": "indexer.transfer.report",
    "IndexChoice": "indexer.vectors.measurements",
    "IndexMeasurement": "indexer.vectors.measurements",
    "IndexTarget": "indexer.vectors.measurements",
    "Item": "indexer.catalog.statements.listing",
    "ItemError": "indexer.errors",
    "ItemSort": "retrieval.search.listing",
    "Items": "retrieval.search.listing",
    "JudgeReport": "retrieval.feedback",
    "JudgedHit": "retrieval.feedback",
    "Judgement": "indexer.catalog.statements.judgements",
    "JudgementImport": "retrieval.feedback",
    "LearnReport": "retrieval.query.private_words",
    "Library": "retrieval.library",
    "LibraryClosedError": "indexer.errors",
    "LibraryError": "indexer.errors",
    "LibraryLockedError": "indexer.errors",
    "LibraryVersionError": "indexer.errors",
    "MetadataKey": "indexer.catalog.filters.metadata_key",
    "MissingFolder": "indexer.sync.report",
    "MissingPackageError": "indexer.errors",
    "Modality": "indexer.types",
    "NoPhotosError": "indexer.errors",
    "Part": "retrieval.query.part",
    "PartScore": "retrieval.search.hits",
    "Picture": "retrieval.query.part",
    "PictureError": "indexer.errors",
    "Precision": "indexer.encoders.names",
    "Preprocess": "indexer.types",
    "PrivateWord": "retrieval.query.private_words",
    "Problem": "indexer.maintenance.check",
    "ProblemKind": "indexer.maintenance.check",
    "Progress": "indexer.types",
    "ProgressCallback": "indexer.types",
    "Query": "retrieval.query.query",
    "QueryError": "indexer.errors",
    "Ranking": "retrieval.search.rerank.protocol",
    "RecallError": "indexer.errors",
    "Region": "retrieval.explain",
    "Regions": "retrieval.explain",
    "RerankScore": "retrieval.search.hits",
    "Reranker": "retrieval.search.rerank.protocol",
    "SearchDepth": "indexer.vectors.measurements",
    "SearchKind": "retrieval.search.engine",
    "Settings": "indexer.config",
    "Sort": "retrieval.search.paging",
    "Source": "indexer.catalog.statements.sources",
    "SourceError": "indexer.errors",
    "Status": "indexer.maintenance.status",
    "Step": "retrieval.search.rerank.protocol",
    "StorageError": "indexer.errors",
    "SyncReport": "indexer.sync.report",
    "TextError": "indexer.errors",
    "TransferError": "indexer.errors",
    "TuningError": "indexer.errors",
    "TuningMethod": "retrieval.library.tuning",
    "TuningReport": "retrieval.tuning.report",
    "Understood": "retrieval.query.understanding.understood",
    "Version": "indexer.catalog.statements.versions",
    "WordEffect": "retrieval.explain",
    "WordHit": "retrieval.search.word_evidence",
    "__version__": "indexer",
    "load_encoder": "indexer.encoders",
}
"""The module that defines each name."""


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def _check_indexer() -> None:
    """Raise if Python finds another `indexer` first, for instance a folder of that name in the working directory.

    Both packages belong to one distribution and are in the same folder. Python searches the working directory first
    for `python -m retrieval`, `python -c` and the interactive prompt. Nothing of the other package is run.

    Raises:
        ImportError: The other package or module would be imported.
    """
    spec = find_spec("indexer")
    if spec is None or spec.origin is None:
        return
    expected = os.path.join(os.path.dirname(os.path.realpath(__path__[0])), "indexer")
    name = os.path.basename(spec.origin)
    path = os.path.dirname(spec.origin) if name.startswith("__init__.") else spec.origin
    if os.path.realpath(path) != expected:
        raise ImportError(
            f"{path} hides Recall's package 'indexer' in {expected}; rename it, or run Recall from another folder "
            "with the command recall"
        )


_check_indexer()
