"""What programs read: JSON lines and paths."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import click

from retrieval.cli.text import visible

if TYPE_CHECKING:
    from pathlib import Path

OutputFormat = Literal["table", "json", "paths", "null"]
Command = Callable[..., None]


def json_option(command: Command) -> Command:
    """Add --json as `as_json`, to a command that prints one object or one a line."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")(command)


def format_options(command: Command) -> Command:
    """Add --json, --paths and -0 to a command that prints photos, and hand it one `output`, an OutputFormat."""

    @functools.wraps(command)
    def call(*, as_json: bool, as_paths: bool, with_null: bool, **arguments: Any) -> None:
        if as_json and (as_paths or with_null):
            raise click.UsageError("--json and --paths exclude each other; give one of them")
        output: OutputFormat = "json" if as_json else "null" if with_null else "paths" if as_paths else "table"
        command(output=output, **arguments)

    paths = click.option("--paths", "as_paths", is_flag=True, help="Print only paths, one per line.")
    null = click.option("-0", "with_null", is_flag=True, help="Print paths, each followed by NUL, for xargs -0.")
    return json_option(paths(null(call)))


def print_path(path: Path, output: OutputFormat) -> None:
    """Print a path in the format "paths" or "null"; on a terminal without what it would obey, as `ls` does."""
    text = visible(str(path)) if sys.stdout.isatty() else str(path)
    click.echo(text, nl=output == "paths", color=True)  # else click takes escape sequences out of names in a pipe
    if output == "null":
        click.echo("\0", nl=False)


def print_json(value: Mapping[str, object]) -> None:
    """Print one object on one line, in ASCII, so that any file name survives."""
    click.echo(json.dumps(value, ensure_ascii=True))


def utc_text(time: datetime | None) -> str | None:
    """Return a time of the catalog, which is in UTC and does not say so, in ISO 8601 with its zone."""
    return None if time is None else time.replace(tzinfo=UTC).isoformat()
