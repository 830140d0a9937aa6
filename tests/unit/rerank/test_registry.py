"""The registry of rerankers: what it finds, how it names them, what it refuses."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module

import pytest

from indexer.errors import EncoderNotFoundError, QueryError
from indexer.registry import Entry, expected
from retrieval import Reranker
from retrieval.search import rerank
from retrieval.search.rerank.registry import is_chain, make_rerankers, reranker_entries, split_chain


def test_the_entries_are_those_that_the_modules_declare() -> None:
    """They are read from the sources: what an import gives must be the same."""
    modules = [import_module(f"{rerank.__name__}.{module.name}") for module in pkgutil.iter_modules(rerank.__path__)]
    declared = [module.ENTRY for module in modules if hasattr(module, "ENTRY")]
    assert sorted(declared, key=lambda entry: entry.name) == list(reranker_entries())
    assert {entry.name for entry in declared} >= {"blend", "bursts", "encoder", "exact", "mmr"}


@pytest.mark.parametrize("entry", reranker_entries(), ids=lambda entry: entry.name)
def test_an_entry_begins_its_syntax_with_its_name_and_has_one_line_of_help(entry: Entry) -> None:
    assert entry.syntax.startswith(entry.name)
    assert entry.help
    assert "\n" not in entry.help
    assert not entry.help.endswith(".")


@pytest.mark.parametrize("spec", ["blend:0.5", "bursts", "encoder:compact:10", "exact", "mmr:0.7"])
def test_a_name_gives_a_reranker(spec: str) -> None:
    (reranker,) = make_rerankers([spec])
    assert isinstance(reranker, Reranker)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nearest", re.escape(f"no reranker is called 'nearest'; expected {expected(reranker_entries())}")),
        ("", "no reranker is called ''"),
        ("mmr:", "no reranker is called 'mmr:'"),
        ("exact:1", "exact takes no value after a colon, but has '1'"),
        ("encoder", "encoder has no name; expected encoder:NAME"),
        ("encoder:compact:0", "the encoder would score 0 candidates; expected at least 1"),
        ("encoder:compact:-3", "the encoder would score -3 candidates"),
    ],
)
def test_a_wrong_name_or_value_is_an_error_of_one_line(spec: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        make_rerankers([spec])


def test_a_wrong_name_of_an_encoder_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(EncoderNotFoundError, match="no encoder is called 'strong'"):
        make_rerankers(["encoder:strong"])


def test_a_string_in_place_of_a_list_and_an_object_without_rerank_are_type_errors() -> None:
    with pytest.raises(TypeError, match="rerank is the string 'mmr'"):
        make_rerankers("mmr")
    with pytest.raises(TypeError, match="3 is not a reranker"):
        make_rerankers([3])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("none", []),
        ("bursts+mmr:0.7", ["bursts", "mmr:0.7"]),
        ("encoder:compact+int8:20+blend:0.5", ["encoder:compact+int8:20", "blend:0.5"]),
    ],
)
def test_a_chain_is_split_before_the_names_of_rerankers(text: str, names: list[str]) -> None:
    assert is_chain(text)
    assert split_chain(text) == names


@pytest.mark.parametrize("text", ["photos.recall", "nearest+mmr", ""])
def test_a_text_that_begins_otherwise_is_not_a_chain(text: str) -> None:
    assert not is_chain(text)
