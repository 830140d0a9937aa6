"""Reads what Python does not keep when it imports a module: comments, and the docstrings of variables."""

from __future__ import annotations

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterator
from types import ModuleType


def variable_docs(module: ModuleType) -> dict[str, str]:
    """Return the docstrings that follow assignments at the top of a module, by variable."""
    docs, name = {}, None
    for node in ast.parse(inspect.getsource(module)).body:
        if name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docs[name] = inspect.cleandoc(str(node.value.value))
        name = _target(node)
    return docs


def comments(module: ModuleType) -> dict[int, str]:
    """Return the comments of a module by line number, without their number sign."""
    tokens = tokenize.generate_tokens(io.StringIO(inspect.getsource(module)).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def calls(module: ModuleType, function: str) -> Iterator[ast.Call]:
    """Yield the calls of a function, by its name, anywhere in a module."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
            yield node


def attribute_docs(docstring: str) -> dict[str, str]:
    """Return the entries of the section "Attributes" of a Google-style docstring, each on one line."""
    section = inspect.cleandoc(docstring).partition("Attributes:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def _target(node: ast.stmt) -> str | None:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None
