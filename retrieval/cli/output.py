"""How commands print: a table for people, JSON lines and paths for programs."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.vectors.measurements import IndexMeasurement

Form = Literal["table", "json", "paths", "null"]
Command = Callable[..., None]


def json_option(command: Command) -> Command:
    """Add --json to a command that prints one object or one per line, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")(command)


def form_options(command: Command) -> Command:
    """Add --json, --paths and -0 to a command that prints hits, and hand it one `form`."""

    @functools.wraps(command)
    def call(*, as_json: bool, as_paths: bool, with_null: bool, **arguments: Any) -> None:
        if as_json and (as_paths or with_null):
            raise click.UsageError("--json and --paths exclude each other; give one of them")
        form: Form = "json" if as_json else "null" if with_null else "paths" if as_paths else "table"
        command(form=form, **arguments)

    options = (
        click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line."),
        click.option("--paths", "as_paths", is_flag=True, help="Print paths only, one a line."),
        click.option("-0", "with_null", is_flag=True, help="Print paths with a NUL after each, for xargs -0."),
    )
    decorated: Command = call
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def print_path(path: Path, form: Form) -> None:
    """Print a path in the form "paths" or "null"."""
    click.echo(str(path), nl=form == "paths")
    if form == "null":
        click.echo("\0", nl=False)


def print_json(value: Mapping[str, object]) -> None:
    """Print one object on one line, in ASCII, so that any file name survives."""
    click.echo(json.dumps(value, ensure_ascii=True))


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under a head, columns aligned; control characters in file names are made visible."""
    cells = [tuple(head), *(tuple(visible(cell) for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def visible(value: str) -> str:
    """Return text in which nothing can move the cursor or end the line; what is no valid text becomes \\x.. bytes."""
    shown = value.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in shown)


def one_line(value: str) -> str:
    """Return text on one line, visible in the sense of `visible`."""
    return visible(" ".join(value.split()))


def size(number: int) -> str:
    """Return bytes for people, in powers of 1000."""
    value, unit = float(number), "bytes"
    for bigger in ("kB", "MB", "GB", "TB"):
        if round(value, 1) < 1000:
            break
        value, unit = value / 1000, bigger
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"


def in_words(figures: IndexMeasurement) -> str:
    """Return an index's figures for people."""
    if figures.kind == "exact":
        return f"exact, {figures.milliseconds:.2f} ms a query"
    return f"{figures.kind}, {figures.recall:.3f} of the ten best in {figures.milliseconds:.2f} ms a query"
