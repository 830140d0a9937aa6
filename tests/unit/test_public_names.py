"""The public names of `retrieval`, and what importing it loads."""

from __future__ import annotations

import ast
import builtins
import inspect
import itertools
import re
import subprocess
import sys
from importlib import import_module
from types import FunctionType

import pytest

import retrieval
from retrieval import Library
from retrieval.public_names import MODULES

PUBLIC = [
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
"""Apps may use these names: removing one breaks them."""

OTHER_NAMES = {
    "Any",
    "BaseLibrary",
    "IO",
    "Image",
    "Iterable",
    "Iterator",
    "Mapping",
    "NDArray",
    "Path",
    "Self",
    "Sequence",
    "date",
    "datetime",
    "os",
}
"""Names in annotations that are not Recall's, and the class of `self`."""

ARRAYS = {"Ids", "NDArray", "Vectors", "np"}
CHOICES = {"Interpolation", "Literal", "ResizeMode", "Stage"}
INTERNAL = {"Candidates", "PictureSource", "Store"}
"""Classes of objects that a reranker receives and passes on, and of private fields."""


def public_methods() -> list[tuple[str, FunctionType]]:
    """Return the public methods and properties of Library by name."""
    members = [
        (name, value.fget if isinstance(value, property) else getattr(value, "__func__", value))
        for name, value in inspect.getmembers(Library)
        if name == "__init__" or not name.startswith("_")
    ]
    return [(name, function) for name, function in members if isinstance(function, FunctionType)]


def names_in(annotation: str) -> set[str]:
    """Return the names in an annotation, without those of the language."""
    names = {node.id for node in ast.walk(ast.parse(annotation)) if isinstance(node, ast.Name)}
    return names - set(dir(builtins)) - OTHER_NAMES


def docstring_of_alias(name: str) -> str | None:
    """Return the string after the assignment of a type alias in its module."""
    statements = ast.parse(inspect.getsource(import_module(MODULES[name]))).body
    for statement, following in itertools.pairwise(statements):
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if name in {target.id for target in targets if isinstance(target, ast.Name)}:
            is_docstring = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            return ast.unparse(following) if is_docstring else None
    return None


def test_the_public_names_are_these_and_sorted() -> None:
    assert retrieval.__all__ == PUBLIC
    assert sorted(PUBLIC) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_can_be_imported_and_has_a_docstring(name: str) -> None:
    value = getattr(retrieval, name)
    assert isinstance(value, str) or value.__doc__ or docstring_of_alias(name)


def test_every_error_is_public() -> None:
    from indexer import errors

    names = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)]
    assert set(names) <= set(PUBLIC)


@pytest.mark.parametrize(("name", "method"), public_methods())
def test_what_a_method_of_library_takes_and_returns_is_public(name: str, method: FunctionType) -> None:
    used = set().union(*map(names_in, method.__annotations__.values()))
    assert used <= set(PUBLIC)


@pytest.mark.parametrize("name", [name for name in PUBLIC if inspect.isclass(getattr(retrieval, name))])
def test_the_fields_of_a_public_class_are_public(name: str) -> None:
    annotations = getattr(getattr(retrieval, name), "__annotations__", {}).values()
    used = set().union(*(names_in(annotation) for annotation in annotations if isinstance(annotation, str)))
    assert used <= {*PUBLIC, *ARRAYS, *CHOICES, *INTERNAL, "Any"}


@pytest.mark.parametrize(("name", "method"), public_methods())
def test_what_a_method_of_library_raises_is_public(name: str, method: FunctionType) -> None:
    _, _, raises = (inspect.getdoc(method) or "").partition("Raises:\n")
    assert set(re.findall(r"^ +(\w+):", raises, re.MULTILINE)) <= set(PUBLIC)


@pytest.mark.parametrize(("name", "method"), public_methods())
def test_the_docstring_of_a_method_of_library_has_every_parameter(name: str, method: FunctionType) -> None:
    documented = re.findall(r"^ +\*?(\w+): ", inspect.getdoc(method) or "", re.MULTILINE)
    parameters = [parameter for parameter in inspect.signature(method).parameters if parameter not in ("self", "cls")]
    assert [parameter for parameter in parameters if parameter not in documented] == []


def test_a_public_name_is_the_object_that_its_module_defines() -> None:
    from indexer.sync.report import SyncReport
    from retrieval.library import library

    assert retrieval.Library is library.Library
    assert retrieval.SyncReport is SyncReport


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'retrieval' has no attribute 'Librarian'"):
        _ = retrieval.Librarian


def test_importing_retrieval_loads_nothing_heavy_until_a_name_is_used() -> None:
    program = "import sys, retrieval; print(*sys.modules); retrieval.Query; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    before, after = (set(line.split()) for line in run.stdout.splitlines())
    heavy = {"sqlalchemy", "alembic", "numpy", "PIL", "click", "pandas", "faiss", "torch", "open_clip"}
    assert not before & heavy
    assert "retrieval.library" not in before
    assert {"numpy", "sqlalchemy"} <= after  # the program sees what is loaded
