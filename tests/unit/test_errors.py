"""The error tree: the drawing and the classes are one."""

from __future__ import annotations

import inspect
import re

from indexer import errors
from indexer.errors import FailureKind, PictureError, RecallError


def drawn() -> dict[str, str]:
    """Return each class of the drawing in the module's docstring with its parent."""
    tree: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ((?:[│ ]   |[├└]── )*)(\w+Error)\b", line)
        if match:
            depth = len(match[1]) // 4  # every level is drawn four characters wide
            above[depth:] = [match[2]]
            tree[match[2]] = above[depth - 1] if depth else "Exception"
    return tree


def defined() -> dict[str, str]:
    """Return each error class of the module with its parent."""
    classes = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]
    return {value.__name__: value.__bases__[0].__name__ for value in classes}


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    assert drawn() == defined()


def test_the_tree_is_the_one_that_apps_rely_on() -> None:
    assert defined() == {
        "RecallError": "Exception",
        "ConfigError": "RecallError",
        "SourceError": "RecallError",
        "NoPhotosError": "SourceError",
        "ItemError": "RecallError",
        "PictureError": "ItemError",
        "TextError": "ItemError",
        "QueryError": "RecallError",
        "EncoderError": "RecallError",
        "EncoderNotFoundError": "EncoderError",
        "EncoderMismatchError": "EncoderError",
        "LibraryError": "RecallError",
        "LibraryVersionError": "LibraryError",
        "LibraryLockedError": "LibraryError",
        "StorageError": "LibraryError",
        "MissingPackageError": "RecallError",
        "EvaluationError": "RecallError",
        "FeedbackError": "RecallError",
        "TransferError": "RecallError",
        "TuningError": "RecallError",
    }


def test_no_error_is_taken_for_a_programming_mistake() -> None:
    for name in defined():
        assert not issubclass(getattr(errors, name), ValueError | TypeError | KeyError)


def test_a_picture_error_carries_its_kind() -> None:
    error = PictureError(FailureKind.EMPTY, "the file is empty")
    assert isinstance(error, RecallError)
    assert (error.kind, str(error)) == (FailureKind.EMPTY, "the file is empty")


def test_the_kinds_of_failure_are_what_catalogs_hold() -> None:
    # libraries on people's disks have these words in them: one that is renamed needs a migration
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
        "encoder",
    ]
