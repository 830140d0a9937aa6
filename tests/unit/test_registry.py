"""Registries: every entry can be printed, and the names agree with what the code accepts."""

from __future__ import annotations

import pytest

from indexer.encoders import NAME_FORMS
from indexer.registry import Entry, expected
from indexer.vectors import INDEX_KINDS
from indexer.vectors.kinds import APPROXIMATE_KINDS


def test_expected_lists_syntaxes_with_or_before_the_last() -> None:
    entries = [Entry(name, name.upper(), "") for name in ("one", "two", "three")]
    assert expected(entries) == "ONE, TWO or THREE"
    assert expected(entries[:1]) == "ONE"


def test_index_kinds_are_exact_and_every_approximate_kind() -> None:
    assert [entry.name for entry in INDEX_KINDS] == ["exact", *APPROXIMATE_KINDS]


@pytest.mark.parametrize("registry", [NAME_FORMS, INDEX_KINDS], ids=["encoders", "indexes"])
def test_an_entry_has_a_unique_name_and_one_line_of_help_without_a_full_stop(registry: tuple[Entry, ...]) -> None:
    assert len({entry.name for entry in registry}) == len(registry)
    for entry in registry:
        assert entry.syntax
        assert entry.help
        assert "\n" not in entry.help
        assert not entry.help.endswith(".")
