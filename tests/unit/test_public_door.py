"""The public door: what `retrieval` offers, and how little it costs to open."""

from __future__ import annotations

import subprocess
import sys

import pytest

import retrieval

PUBLIC = [
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
"""What apps may rely on: taking a name away breaks them."""


def test_the_public_names_are_these_and_sorted() -> None:
    assert retrieval.__all__ == PUBLIC
    assert sorted(PUBLIC) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(retrieval, name)
    assert isinstance(value, str) or value.__doc__


def test_every_error_of_ours_is_public() -> None:
    from indexer import errors

    ours = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)]
    assert set(ours) <= set(PUBLIC)


def test_what_a_lazy_name_stands_for_is_what_its_home_defines() -> None:
    from indexer.sync.report import SyncReport
    from retrieval.library import Library

    assert retrieval.Library is Library
    assert retrieval.SyncReport is SyncReport


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'retrieval' has no attribute 'Librarian'"):
        _ = retrieval.Librarian


def test_opening_the_door_loads_nothing_heavy_until_a_name_is_used() -> None:
    probe = "import sys, retrieval; print(*sys.modules); retrieval.Query; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    opened, used = (set(line.split()) for line in run.stdout.splitlines())
    heavy = {"sqlalchemy", "alembic", "numpy", "PIL", "click", "pandas", "faiss", "torch", "open_clip"}
    assert not opened & heavy
    assert "retrieval.library" not in opened
    assert {"numpy", "sqlalchemy"} <= used  # the probe sees what is loaded
