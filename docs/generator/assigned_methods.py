"""Lets mkdocstrings show the methods that a class body takes from modules: `search = search_methods.search`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import griffe


class AssignedMethods(griffe.Extension):
    """Replaces each class attribute whose value is a function of the same package by an alias of that function."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **kwargs: Any) -> None:
        """Replace them in a package that was loaded."""
        for cls in _classes(pkg):
            for name, member in list(cls.members.items()):
                if not isinstance(member, griffe.Attribute) or not isinstance(member.value, griffe.ExprAttribute):
                    continue
                path = member.value.canonical_path
                if path.startswith(f"{pkg.name}.") and _is_function(loader, path):
                    cls.set_member(name, griffe.Alias(name, path, lineno=member.lineno, parent=cls))


def _is_function(loader: griffe.GriffeLoader, path: str) -> bool:
    try:
        return isinstance(loader.modules_collection.get_member(path), griffe.Function)
    except KeyError:
        return False


def _classes(scope: griffe.Module | griffe.Class) -> Iterator[griffe.Class]:
    for member in list(scope.members.values()):
        if isinstance(member, griffe.Class):
            yield member
        if isinstance(member, griffe.Module | griffe.Class):
            yield from _classes(member)
