"""Searches, explains and learns: the query layer, the command line, and `Library`, which apps import.

From outside use the names in `__all__`. Each is imported on first use, so that `recall --help` does not wait for a
database library.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from retrieval.public_names import MODULES

if TYPE_CHECKING:
    from indexer import __version__
    from indexer.adding import AddFailure, AddReport, OnConflict
    from indexer.catalog.filters.expression import Filter
    from indexer.catalog.filters.metadata_key import MetadataKey
    from indexer.catalog.statements.counts import Failure
    from indexer.catalog.statements.facets import Facets, FacetValue
    from indexer.catalog.statements.item import Item
    from indexer.catalog.statements.judgements import Judgement
    from indexer.catalog.statements.layout import Layout, Positions
    from indexer.catalog.statements.reencoding import EncoderState
    from indexer.catalog.statements.sources import Source
    from indexer.catalog.statements.versions import Version
    from indexer.config import Settings
    from indexer.database_url import DatabaseUrl
    from indexer.distributed.report import PartsReport
    from indexer.encoders import load_encoder
    from indexer.encoders.base import Encoder
    from indexer.encoders.full_encoder import FullEncoder
    from indexer.encoders.names import Precision
    from indexer.errors import (
        AddError,
        ConfigError,
        ConnectionLostError,
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
    from indexer.images.photo import Keep
    from indexer.images.thumbnail import ThumbnailSize
    from indexer.maintenance.check import Problem, ProblemKind
    from indexer.maintenance.reencode import EncoderChange
    from indexer.maintenance.status import Status
    from indexer.store.picture_files import Original, WebThumbnail
    from indexer.sync.report import MissingFolder, SyncReport
    from indexer.transfer.formats import ExportFormat
    from indexer.transfer.report import ExportReport, ImportReport
    from indexer.types import Modality, PictureInput, Preprocess, Progress, ProgressCallback, Vectors
    from indexer.vectors.measurements import IndexChoice, IndexMeasurement, IndexTarget, SearchDepth
    from retrieval.calibration.expected import Expected
    from retrieval.duplicates.groups import DuplicateGroup, DuplicatePhoto, Duplicates
    from retrieval.evaluation import Direction, Evaluation
    from retrieval.explain import Explanation, Region, Regions, WordEffect
    from retrieval.feedback import JudgedHit, JudgementImport, JudgeReport
    from retrieval.library import Library
    from retrieval.library.parts import embed_parts
    from retrieval.library.tuning import TuningMethod
    from retrieval.query.part import Part, Picture
    from retrieval.query.private_words import LearnReport, PrivateWord
    from retrieval.query.query import Query
    from retrieval.query.understanding.understood import Understood
    from retrieval.query.vector import QueryVector
    from retrieval.search.engine import SearchKind
    from retrieval.search.hits import Hit, Hits, PartScore, RerankScore
    from retrieval.search.listing import Items, ItemSort
    from retrieval.search.named_item import NamedItem
    from retrieval.search.paging import Sort
    from retrieval.search.rerank.protocol import Context, Ranking, Reranker, Step
    from retrieval.search.word_evidence import WordHit
    from retrieval.tuning.report import TuningReport

__all__ = [
    "AddError",
    "AddFailure",
    "AddReport",
    "ConfigError",
    "ConnectionLostError",
    "Context",
    "DatabaseUrl",
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
    "FacetValue",
    "Facets",
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
    "Keep",
    "Layout",
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
    "NamedItem",
    "NoPhotosError",
    "OnConflict",
    "Original",
    "Part",
    "PartScore",
    "PartsReport",
    "Picture",
    "PictureError",
    "PictureInput",
    "Positions",
    "Precision",
    "Preprocess",
    "PrivateWord",
    "Problem",
    "ProblemKind",
    "Progress",
    "ProgressCallback",
    "Query",
    "QueryError",
    "QueryVector",
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
    "ThumbnailSize",
    "TransferError",
    "TuningError",
    "TuningMethod",
    "TuningReport",
    "Understood",
    "Vectors",
    "Version",
    "WebThumbnail",
    "WordEffect",
    "WordHit",
    "__version__",
    "embed_parts",
    "load_encoder",
]


def __getattr__(name: str) -> object:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(MODULES[name]), name)


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
