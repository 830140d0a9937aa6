"""Registries: every entry can be printed, and the names agree with what the code accepts."""

from __future__ import annotations

import inspect
from typing import get_args

import pytest

from indexer.encoders import NAME_FORMS
from indexer.registry import Entry, described, expected
from indexer.transfer import DEFAULT_FORMAT, EXPORT_FORMATS, ExportFormat
from indexer.vectors import INDEX_KINDS
from indexer.vectors.kinds import APPROXIMATE_KINDS, SERVER_KIND
from retrieval import Library


def test_expected_lists_syntaxes_with_or_before_the_last() -> None:
    entries = [Entry(name, name.upper(), "") for name in ("one", "two", "three")]
    assert expected(entries) == "ONE, TWO or THREE"
    assert expected(entries[:1]) == "ONE"


def test_described_lists_syntaxes_with_their_help() -> None:
    entries = [Entry("one", "ONE", "the first"), Entry("two", "TWO", "the second")]
    assert described(entries) == "ONE: the first; TWO: the second"


def test_export_formats_are_those_that_an_export_accepts() -> None:
    assert [entry.name for entry in EXPORT_FORMATS] == list(get_args(ExportFormat))
    assert [entry.name for entry in EXPORT_FORMATS if entry.help.endswith("; the default")] == [DEFAULT_FORMAT]


def test_the_docstring_of_export_has_the_help_of_every_format() -> None:
    docstring = " ".join((inspect.getdoc(Library.export) or "").split())
    assert all(f'"{entry.name}" ({entry.help})' in docstring for entry in EXPORT_FORMATS)


def test_index_kinds_are_exact_every_approximate_kind_and_that_of_the_server() -> None:
    assert [entry.name for entry in INDEX_KINDS] == ["exact", *APPROXIMATE_KINDS, SERVER_KIND]


@pytest.mark.parametrize("registry", [NAME_FORMS, INDEX_KINDS, EXPORT_FORMATS], ids=["encoders", "indexes", "exports"])
def test_an_entry_has_a_unique_name_and_one_line_of_help_without_a_full_stop(registry: tuple[Entry, ...]) -> None:
    assert len({entry.name for entry in registry}) == len(registry)
    for entry in registry:
        assert entry.syntax
        assert entry.help
        assert "\n" not in entry.help
        assert not entry.help.endswith(".")
