"""`recall get`."""

from __future__ import annotations

import click

from indexer.config import Settings
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.item_table import print_items
from retrieval.cli.messages import note
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import OutputFormat, format_options

SECTION = "Search"


@click.command("get", short_help="Show items by their ids.")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--collection", metavar="NAME", help="The collection to look in; by default all of them, and files.")
@click.option("--vectors", is_flag=True, help="Also print the vector of each item; with --json.")
@format_options
@settings_options("library")
def command(
    ids: tuple[str, ...], collection: str | None, vectors: bool, output: OutputFormat, settings: Settings
) -> None:
    """Show the items with these ids, in their order. The id of a file is its path.

    \b
    recall get mug teapot
    recall get mug --json --vectors
    """
    if vectors and output != "json":
        raise click.UsageError("--vectors needs --json; add it")
    with open_library(settings) as library:
        items = library.get(ids, collection=collection, vectors=vectors)
        print_items(items, output)
    found = {item.id for item in items}
    for id_ in dict.fromkeys(ids):
        if id_ not in found:
            note(f"recall: there is no item {id_!r}")
    if not items:
        leave(ExitCode.NOTHING_FOUND)
