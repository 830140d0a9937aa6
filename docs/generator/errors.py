"""The tree of error classes, and the table of failure kinds."""

from __future__ import annotations

import inspect

from docs.generator.markdown import code, table
from docs.generator.source import comments
from indexer import errors
from indexer.errors import FailureKind, RecallError


def tree() -> str:
    """Return the error classes as a nested list, each with the first line of its docstring."""
    return "\n".join(_branch(RecallError, depth=0))


def failures() -> str:
    """Return the table of the kinds of failure; each one's comment in the source is its meaning."""
    meanings = _comments_by_value()
    return table(("Kind", "Meaning"), [(code(kind.value), meanings[kind.value]) for kind in FailureKind])


def _branch(error: type[RecallError], *, depth: int) -> list[str]:
    text = (inspect.getdoc(error) or "").partition("\n")[0]
    children = [line for child in error.__subclasses__() for line in _branch(child, depth=depth + 1)]
    return [f"{'    ' * depth}- `{error.__name__}`: {text}", *children]


def _comments_by_value() -> dict[str, str]:
    lines = inspect.getsource(errors).splitlines()
    return {
        line.partition('"')[2].partition('"')[0]: comments(errors)[number]
        for number, line in enumerate(lines, start=1)
        if number in comments(errors) and '= "' in line
    }
