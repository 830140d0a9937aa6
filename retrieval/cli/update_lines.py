"""Changes added items as the command line or JSON lines say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from indexer.errors import AddError
from retrieval.cli.item_lines import Columns, ItemLines, Line, LineFailure

if TYPE_CHECKING:
    from retrieval import Library

_NO_COLUMN = "\0"
"""A key that no line has: pictures, vectors and URIs cannot be changed, so their keys are metadata."""


def read_changes(
    id_: str, values: Sequence[str], text: str | None, *, id_column: str, text_column: str
) -> tuple[list[Line], list[LineFailure]]:
    """Return what changes, and the lines that cannot be used.

    Args:
        id_: The id of an item; "-" reads standard input.
        values: Metadata as KEY=VALUE.
        text: A new text, None for none.
        id_column: The key of the id in standard input.
        text_column: The key of the text in standard input.

    Raises:
        click.UsageError: There is no change, or both forms are mixed.
    """
    if id_ != "-":
        if not values and text is None:
            raise click.UsageError("nothing to change was given; expected KEY=VALUE or --text TEXT")
        return [Line(1, id_, text, None, None, None, dict(map(_pair, values)))], []
    if values or text is not None:
        raise click.UsageError("- reads the changes from standard input; leave out KEY=VALUE and --text")
    source = ItemLines("-", Columns(id_column, text_column, _NO_COLUMN, _NO_COLUMN, _NO_COLUMN))
    lines, failures = list(source), source.failures
    failures += [LineFailure(line.number, "", f"it has no {id_column!r}") for line in lines if line.id is None]
    return [line for line in lines if line.id is not None], failures


def update_lines(
    library: Library, lines: Sequence[Line], *, collection: str | None, is_single: bool
) -> tuple[int, list[LineFailure]]:
    """Change items, and return how many there were and the lines that were refused.

    All lines are one transaction. If one of them is refused, each is a transaction of its own, and only those with a
    fault are left out.

    Args:
        library: The library.
        lines: What changes.
        collection: The collection to look in; None for all.
        is_single: Whether an error is for the caller: there is one change.

    Raises:
        AddError: There is one change, and it is refused.
    """
    if not lines:
        return 0, []
    try:
        return _update(library, lines, collection), []
    except AddError:
        if is_single:
            raise
    updated, failures = 0, []
    for line in lines:
        try:
            updated += _update(library, [line], collection)
        except AddError as error:
            failures.append(LineFailure(line.number, line.id if isinstance(line.id, str) else "", str(error)))
    return updated, failures


def _update(library: Library, lines: Sequence[Line], collection: str | None) -> int:
    return library.update(
        [line.id for line in lines],
        metadata=[line.metadata or None for line in lines],
        texts=[line.text for line in lines],
        collection=collection,
    )


def _pair(text: str) -> tuple[str, Any]:
    """Return key and value of KEY=VALUE.

    Raises:
        click.BadParameter: It has another form.
    """
    key, equals, value = text.partition("=")
    if not key.strip() or not equals:
        raise click.BadParameter(f"{text!r} is no change; expected KEY=VALUE, for instance price=9")
    try:
        return key.strip(), json.loads(value)
    except (ValueError, RecursionError):
        return key.strip(), value
