"""Tests of the hook that checks commit subjects."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

problems: Callable[[str], list[str]] = runpy.run_path(
    str(Path(__file__).resolve().parents[2] / ".ci" / "commit_subject.py")
)["problems"]


@pytest.mark.parametrize(
    "message",
    [
        "Cache the filter's first result\n",
        "Cache the filter's first result\n\nA second search with the same filter took as long.\n",
        "# a comment of git\n\nCache the filter's first result\n# On branch main\n",
        "x" * 72,
        'Revert "' + "x" * 72 + '"',
        "Merge branch 'main' into a branch whose name makes the subject far too long for the rule",
        "fixup! Cache the filter's first result, with a subject that is too long for the rule.",
    ],
)
def test_good_message_has_no_problem(message: str) -> None:
    assert problems(message) == []


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("", "the commit message is empty"),
        ("# only a comment\n", "the commit message is empty"),
        ("x" * 73, "the subject has 73 characters; expected at most 72"),
        ("Cache the filter's first result.", "the subject ends with a full stop"),
        ("Cache the filter's first result\nand the second", "the second line is not blank"),
    ],
)
def test_problem_of_a_message_is_named(message: str, problem: str) -> None:
    [found] = problems(message)

    assert found.startswith(problem)
