"""`recall list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.filter_options import filter_options
from retrieval.cli.item_table import print_items
from retrieval.cli.messages import note
from retrieval.cli.options import kind_option, open_library, settings_options
from retrieval.cli.output import OutputFormat, format_options, print_json
from retrieval.cli.preview import Viewing, viewing_options

if TYPE_CHECKING:
    from retrieval import Filter, Library
    from retrieval.search.engine import SearchKind
    from retrieval.search.listing import ItemSort

SECTION = "Search"

_PAGE = 1000
"""Items that are read and printed together: memory does not grow with the library."""


@click.command("list", short_help="List photos and texts without a query.")
@click.option("--count", "only_count", is_flag=True, help="Print only how many there are.")
@click.option("-k", "-n", "--limit", "k", type=click.IntRange(min=1), metavar="N", help="How many; by default all.")
@click.option(
    "--sort",
    type=click.Choice(["path", "-path", "name", "-name", "date", "-date", "rating", "-rating", "added", "-added"]),
    default="path",
    show_default=True,
    help="Order: by path, by file name, by the date taken, by rating, or as they were added; with - in front the "
    "other way round. What has no date or rating comes last.",
)
@click.option("--cursor", metavar="CURSOR", help="Continue a list that -k ended, with the same options.")
@kind_option
@filter_options
@format_options
@viewing_options
@settings_options("library")
def command(
    only_count: bool,
    k: int | None,
    sort: ItemSort,
    cursor: str | None,
    kind: SearchKind,
    where: Filter | None,
    output: OutputFormat,
    viewing: Viewing,
    settings: Settings,
) -> None:
    """List the photos and texts that pass the filters, without a query.

    \b
    recall list --camera Pentax
    recall list --sort=-rating -k 20
    recall list --folder holiday --after 2020 --count
    """
    with open_library(settings) as library:
        if only_count:
            count = library.count(where=_of_kind(where, kind))
            print_json({"count": count}) if output == "json" else click.echo(count)
        else:
            count = _print_pages(library, _of_kind(where, kind), sort, k, cursor, output, viewing)
    if not count:
        leave(ExitCode.NOTHING_FOUND)


def _of_kind(where: Filter | None, kind: SearchKind) -> Filter | None:
    """Return a filter that also requires a kind."""
    from retrieval import Filter, Modality  # late: --help needs no database library

    if kind == "all":
        return where
    of_kind = Filter.kind(Modality.PHOTO if kind == "photos" else Modality.TEXT)
    return of_kind if where is None else where & of_kind


def _print_pages(
    library: Library,
    where: Filter | None,
    sort: ItemSort,
    k: int | None,
    cursor: str | None,
    output: OutputFormat,
    viewing: Viewing,
) -> int:
    """Print up to `k` items, page by page, open the first if that was asked for, and return how many."""
    count = 0
    while True:
        page = library.list(where=where, sort=sort, limit=_PAGE if k is None else min(_PAGE, k - count), cursor=cursor)
        print_items(page, output, viewing.pictures(library, page))
        if page and not count:
            viewing.open(page[0])
        count += len(page)
        cursor = page.cursor
        if cursor is None or count == k:
            break
    if not count:
        note("recall: nothing found")
    elif cursor is not None:
        note(f"---- there are more; continue with: --cursor {cursor}")
    return count
