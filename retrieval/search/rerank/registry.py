"""Finds rerankers by name, for searches, help texts and error messages: those of this package, then of others."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import QueryError
from indexer.registry import Entry, expected
from retrieval.search.rerank.plugins import make_plugin_reranker, plugin_entries

if TYPE_CHECKING:
    from retrieval.search.rerank.protocol import Reranker

_NO_RERANKERS = "none"
"""The name of the chain without a reranker."""


def reranker_entries() -> tuple[Entry, ...]:
    """Return the entries of Recall's rerankers, sorted by name. None is imported, so `--help` can show them."""
    return tuple(sorted(_modules(), key=lambda entry: entry.name))


def all_entries() -> tuple[Entry, ...]:
    """Return the entries of Recall's rerankers, then of those of installed packages; none is imported."""
    return (*reranker_entries(), *plugin_entries(_own_names()))


def is_reranker(name: str) -> bool:
    """Return whether a reranker has this name; packages are looked up only if none of Recall's has it."""
    return name in _own_names() or any(entry.name == name for entry in plugin_entries(()))


def make_rerankers(specs: Sequence[str | Reranker]) -> list[Reranker]:
    """Return rerankers made from names such as "mmr:0.7"; objects are returned as they are.

    Raises:
        QueryError: No reranker has this name, or it does not accept the value after the colon.
        EncoderNotFoundError: No encoder has such a name.
    """
    from retrieval.search.rerank.protocol import Reranker  # late: numpy

    if isinstance(specs, str):
        raise TypeError(f"rerank is the string {specs!r}; expected a list of names or objects")
    for spec in specs:
        if not isinstance(spec, str | Reranker):
            raise TypeError(f"{spec!r} is not a reranker; expected a name or an object with a method rerank")
    return [_make(spec) if isinstance(spec, str) else spec for spec in specs]


def is_chain(text: str) -> bool:
    """Return whether a text begins with the name of a reranker, or is "none"; what follows may still be wrong."""
    name = re.split("[:+]", text, maxsplit=1)[0]
    return name == _NO_RERANKERS or is_reranker(name)


def split_chain(text: str) -> list[str]:
    """Return the rerankers in a chain: "bursts+mmr:0.7" gives ["bursts", "mmr:0.7"], "none" gives [].

    A + that no reranker's name follows belongs to an encoder's name.
    """
    if text == _NO_RERANKERS:
        return []
    names = "|".join(re.escape(entry.name) for entry in all_entries())
    return re.split(rf"\+(?=(?:{names})(?:[:+]|$))", text)


def parse_number(name: str, text: str) -> float:
    """Return the number in a reranker's argument.

    Raises:
        QueryError: The text is not a number.
    """
    try:
        return float(text)
    except ValueError:
        raise QueryError(f"{name} has {text!r}, which is not a number; expected for instance {name}:0.5") from None


def _own_names() -> list[str]:
    return [entry.name for entry in reranker_entries()]


def _make(spec: str) -> Reranker:
    """Return the reranker that a name such as "mmr:0.7" stands for."""
    name, colon, argument = spec.partition(":")
    module = {entry.name: module for entry, module in _modules().items()}.get(name)
    if module is None and not (colon and not argument):
        plugin = make_plugin_reranker(name, argument)
        if plugin is not None:
            return plugin
    if module is None or (colon and not argument):
        raise QueryError(f"no reranker is called {spec!r}; expected {expected(all_entries())}")
    reranker: Reranker = import_module(f"{__package__}.{module}").make(argument)
    return reranker


@cache
def _modules() -> dict[Entry, str]:
    """Return the name of the module that declares each entry."""
    declared = (
        (_declared_entry(file.read_text(encoding="utf-8")), file.stem) for file in Path(__file__).parent.glob("*.py")
    )
    return {entry: module for entry, module in declared if entry is not None}


def _declared_entry(source: str) -> Entry | None:
    """Return the entry that a module declares by `ENTRY = Entry(…)`, all arguments by name and literals; else None.

    It is read, not imported: the rerankers import numpy, for which `recall search --help` must not wait.
    """
    if "\nENTRY = " not in source:
        return None  # parsing takes some milliseconds
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="ENTRY")], value=ast.Call(keywords=keywords)):
                return Entry(**{keyword.arg or "": ast.literal_eval(keyword.value) for keyword in keywords})
    return None
