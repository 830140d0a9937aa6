"""`recall search`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from retrieval.cli.filter_options import filter_options
from retrieval.cli.hit_table import cut_options, print_likely
from retrieval.cli.last_search import write_last
from retrieval.cli.options import (
    FilePath,
    encoder_option,
    open_library,
    page_options,
    precision_option,
    rerank_options,
    settings_options,
)
from retrieval.cli.output import Form, form_options
from retrieval.cli.progress import ProgressLine
from retrieval.cli.query_args import typed_query

if TYPE_CHECKING:
    from indexer.encoders.names import Precision
    from retrieval import Filter
    from retrieval.search.engine import Kind
    from retrieval.search.paging import Sort

SECTION = "Search"


@click.command("search", short_help="Find photos and texts by words, pictures, or both.")
@click.argument("query", nargs=-1)
@click.option("--image", type=FilePath(), help="A picture to search for together with the words.")
@click.option(
    "--in",
    "kind",
    type=click.Choice(["photos", "texts", "all"]),
    default="all",
    show_default=True,
    help="What to search.",
)
@click.option(
    "--hybrid/--no-hybrid",
    default=True,
    show_default=True,
    help="Look for the words too in titles, descriptions, tags and texts.",
)
@click.option(
    "--allow-url", is_flag=True, help="Fetch a picture of the query from the web, where its address is given."
)
@rerank_options
@page_options
@filter_options
@cut_options
@form_options
@encoder_option
@precision_option
@settings_options("library", "device")
def command(
    query: tuple[str, ...],
    image: Path | None,
    kind: Kind,
    hybrid: bool,
    allow_url: bool,
    rerank: tuple[str, ...],
    expand: bool,
    k: int,
    sort: Sort,
    offset: int,
    where: Filter | None,
    threshold: float | None,
    form: Form,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
) -> None:
    """Find photos and texts by words, by pictures, or by both.

    A part of QUERY is a picture where it names a file with a picture's name, and else words; "-" is a picture or words
    from standard input, "clipboard:" the picture in the clipboard. Put + or - between parts to add them or to take
    them away, and a number with a colon before a part that is to count more. Hits that are probably wrong are hidden;
    where nothing is likely, it says so and exits with 1.

    \b
    recall search "a dog on the beach"
    recall search photo.jpg
    recall search "a boat" + sunset.jpg - people
    recall search "2: red car" - truck
    recall search "a dog on the beach" --rerank bursts --rerank mmr
    """
    if not query and image is None:
        raise click.UsageError('what to search for? Give words, for instance: recall search "a dog on the beach"')
    asked = typed_query(query, images=[image] if image else (), allow_url=allow_url)
    with open_library(settings, encoder=encoder, precision=precision) as library, ProgressLine() as progress:
        hits = library.search(
            asked, k=k, kind=kind, hybrid=hybrid, rerank=rerank, where=where, sort=sort, offset=offset,
            progress=progress,
        )  # fmt: skip
        write_last(library.path, query)
    print_likely(hits, form, threshold=threshold, expand=expand)
