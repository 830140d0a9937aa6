"""Hits and items as tables of pandas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from indexer.catalog.statements.item import Item
from indexer.errors import MissingPackageError

if TYPE_CHECKING:
    from pandas import DataFrame


def hits_frame(hits: Iterable[Any], columns: list[str]) -> DataFrame:
    """Return a row for each hit; see `Hits.to_frame`.

    Args:
        hits: The hits: objects of `Hit`, which knows this module.
        columns: The fields of a hit that have a column of their own.
    """
    rows = []
    for hit in hits:
        values = _plain(hit, columns) | {"members": [str(member.path) for member in hit.members]}
        values |= {f"part: {part.part}": part.score for part in hit.part_scores}
        rows.append(values | {f"rerank: {step.step}": step.score for step in hit.rerank} | _metadata(hit.metadata))
    return _frame(rows, columns)


def items_frame(items: Iterable[Item]) -> DataFrame:
    """Return a row for each item; see `Items.to_frame`."""
    listed = list(items)
    columns = [field.name for field in fields(Item) if field.name not in ("vector", "_pictures")]
    if any(item.vector is not None for item in listed):
        columns.append("vector")
    return _frame([_plain(item, columns) | _metadata(item.metadata) for item in listed], columns)


def _plain(record: Any, columns: list[str]) -> dict[str, Any]:
    values = {name: getattr(record, name) for name in columns}
    return values | {"path": str(record.path), "kind": str(record.kind), "metadata": dict(record.metadata)}


def _metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {f"metadata: {key}": value for key, value in metadata.items()}


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> DataFrame:
    """Return a table, which has its columns also without rows.

    Raises:
        MissingPackageError: pandas is not installed.
    """
    try:
        import pandas as pd  # late: an optional package
    except ImportError as error:
        raise MissingPackageError("a table needs pandas; run: pip install 'recall-photos[tables]'") from error
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
