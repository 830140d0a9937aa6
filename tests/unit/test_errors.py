"""The error tree: the drawing in the docstring, the classes and the stored kinds of failure."""

from __future__ import annotations

import inspect
import re

from indexer import errors
from indexer.errors import FailureKind, PictureError, RecallError


def drawn_tree() -> dict[str, str]:
    """Return the parent of each class in the drawing of the module's docstring."""
    tree: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ((?:[│ ]   |[├└]── )*)(\w+Error)\b", line)
        if match:
            depth = len(match[1]) // 4  # every level is drawn four characters wide
            path[depth:] = [match[2]]
            tree[match[2]] = path[depth - 1] if depth else "Exception"
    return tree


def class_tree() -> dict[str, str]:
    """Return the parent of each error class of the module."""
    classes = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]
    return {value.__name__: value.__bases__[0].__name__ for value in classes}


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    assert drawn_tree() == class_tree()


def test_the_tree_is_the_one_that_apps_rely_on() -> None:
    assert class_tree() == {
        "RecallError": "Exception",
        "ConfigError": "RecallError",
        "SourceError": "RecallError",
        "NoPhotosError": "SourceError",
        "ItemError": "RecallError",
        "PictureError": "ItemError",
        "TextError": "ItemError",
        "AddError": "RecallError",
        "QueryError": "RecallError",
        "EncoderError": "RecallError",
        "EncoderNotFoundError": "EncoderError",
        "EncoderMismatchError": "EncoderError",
        "LibraryError": "RecallError",
        "LibraryClosedError": "LibraryError",
        "LibraryVersionError": "LibraryError",
        "LibraryLockedError": "LibraryError",
        "StorageError": "LibraryError",
        "ConnectionLostError": "StorageError",
        "MissingPackageError": "RecallError",
        "EvaluationError": "RecallError",
        "FeedbackError": "RecallError",
        "TransferError": "RecallError",
        "TuningError": "RecallError",
    }


def test_every_class_says_when_it_is_raised() -> None:
    for name in class_tree().keys() - {"RecallError"}:
        assert (getattr(errors, name).__doc__ or "").startswith("Raised when ")


def test_no_error_is_a_subclass_of_those_for_programming_mistakes() -> None:
    for name in class_tree():
        assert not issubclass(getattr(errors, name), ValueError | TypeError | KeyError)


def test_a_picture_error_carries_its_kind() -> None:
    error = PictureError(FailureKind.EMPTY, "the file is empty")
    assert isinstance(error, RecallError)
    assert (error.kind, str(error)) == (FailureKind.EMPTY, "the file is empty")


def test_the_kinds_of_failure_have_the_names_stored_in_catalogs() -> None:
    # existing libraries store these words, so renaming one needs a migration
    assert [kind.value for kind in FailureKind] == [
        "empty",
        "too-large",
        "not-a-picture",
        "not-text",
        "bad-row",
        "outside",
        "damaged",
        "unreadable",
        "unsupported",
        "crashed",
        "timed-out",
        "bad-id",
        "bad-metadata",
        "bad-vector",
        "encoder",
    ]
