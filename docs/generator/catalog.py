"""The tables of the catalog, from the schema."""

from __future__ import annotations

import ast
from types import ModuleType

from sqlalchemy import Column, Table
from sqlalchemy.dialects import sqlite

from docs.generator.markdown import code, table
from docs.generator.source import calls, comments, variable_docs
from indexer.catalog import schema, schema_learning


def tables() -> str:
    """Return a section for each table: what it holds, and its columns."""
    learning = _tables_in(schema_learning)
    own = {name: value for name, value in _tables_in(schema).items() if name not in learning}
    return "\n\n".join(
        _section(value, variable_docs(module).get(name, ""), module)
        for module, found in ((schema, own), (schema_learning, learning))
        for name, value in found.items()
    )


def _tables_in(module: ModuleType) -> dict[str, Table]:
    """Return the tables that a module defines or imports, by variable."""
    return {name: value for name, value in vars(module).items() if isinstance(value, Table)}


def _section(source: Table, description: str, module: ModuleType) -> str:
    notes, text = _column_comments(source.name, module), description.replace("\n", " ")
    rows = [(code(column.name), code(_type(column)), notes.get(column.name, "")) for column in source.columns]
    return f"## {source.name}\n\n{text}\n\n{table(('Column', 'Type', 'Meaning'), rows)}"


def _type(column: Column[object]) -> str:
    key = " PRIMARY KEY" if column.primary_key else "" if column.nullable else " NOT NULL"
    references = "".join(f" → {key.target_fullname}" for key in column.foreign_keys)
    return f"{column.type.compile(sqlite.dialect())}{key}{references}"


def _column_comments(name: str, module: ModuleType) -> dict[str, str]:
    """Return the comment next to each column of a table in the source."""
    notes = comments(module)
    found = {}
    for call in calls(module, "Table"):
        if not (isinstance(call.args[0], ast.Constant) and call.args[0].value == name):
            continue
        for column in call.args[2:]:
            if isinstance(column, ast.Call) and isinstance(column.func, ast.Name) and column.func.id == "Column":
                lines = range(column.lineno, (column.end_lineno or column.lineno) + 1)
                found[ast.literal_eval(column.args[0])] = " ".join(notes[line] for line in lines if line in notes)
    return found
