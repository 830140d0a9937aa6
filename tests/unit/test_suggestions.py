"""What is suggested for names that do not exist."""

from __future__ import annotations

import pytest

from retrieval.cli.suggestions import did_you_mean

NAMES = ["search", "similar", "status", "encoder"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("serach", " Did you mean 'search'?"),
        ("stats", " Did you mean 'status'?"),
        ("encoders", " Did you mean 'encoder'?"),
        ("--in", " Did you mean '--type'?"),
        ("moments", " Did you mean 'bursts'?"),
        ("frobnicate", ""),
        ("", ""),
    ],
)
def test_one_name_is_suggested_or_none(name: str, sentence: str) -> None:
    assert did_you_mean(name, NAMES) == sentence


def test_several_names_are_suggested_best_first() -> None:
    assert did_you_mean("tune", ["tone", "tuned"]) == " (Did you mean one of: 'tuned', 'tone'?)"
