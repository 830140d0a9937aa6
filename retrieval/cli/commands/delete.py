"""`recall delete`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.filter_options import filter_options
from retrieval.cli.messages import note
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.text import plural

if TYPE_CHECKING:
    from retrieval import Filter, Library

SECTION = "Index"

_MANY = 10
"""Items from which on deleting them needs a yes."""


@click.command("delete", short_help="Delete added items, never files.")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--yes", is_flag=True, help="Delete ten items or more without a question.")
@filter_options
@json_option
@settings_options("library", "wait")
def command(ids: tuple[str, ...], yes: bool, where: Filter | None, as_json: bool, settings: Settings) -> None:
    """Delete added items by their ids, their collection or any filter; all that are given must match.

    Files stay, and so does what `recall index` reads: see `recall forget`.

    \b
    recall delete mug teapot
    recall delete --collection drafts --yes
    recall delete --collection shop --meta "price>100"
    """
    if not ids and where is None:
        raise click.UsageError("nothing says what to delete; give ids, --collection or another filter")
    with open_library(settings) as library:
        if not yes:
            _confirm(len(ids) if where is None else _count(library, ids, where))
        deleted = library.delete(ids or None, where=where)
    if as_json:
        print_json({"deleted": deleted})
    elif deleted:
        click.echo(f"{plural(deleted, 'item')} deleted; no file was touched")
    else:
        note("recall: no added item matches; what recall index reads is left out with recall forget")
    if not deleted:
        leave(ExitCode.NOTHING_FOUND)


def _count(library: Library, ids: tuple[str, ...], where: Filter) -> int:
    """Return how many items would be deleted, at most."""
    from retrieval import Filter  # late: --help needs no database library

    count = library.count(where=where & Filter.collection("*"))
    return min(count, len(ids)) if ids else count


def _confirm(count: int) -> None:
    """Ask before many items are deleted."""
    if count < _MANY:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{plural(count, 'item')} would be deleted; add --yes to delete them")
    click.confirm(f"Delete {plural(count, 'item')}?", abort=True, err=True)
