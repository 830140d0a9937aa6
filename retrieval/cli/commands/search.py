"""`recall search`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from retrieval.cli.filter_options import filter_options
from retrieval.cli.hit_table import likely_hits, print_likely, print_understood, threshold_options
from retrieval.cli.last_search import write_last
from retrieval.cli.options import (
    FilePath,
    encoder_option,
    kind_option,
    literal_option,
    open_library,
    page_options,
    precision_option,
    rerank_options,
    settings_options,
)
from retrieval.cli.output import OutputFormat, format_options
from retrieval.cli.preview import Viewing, viewing_options
from retrieval.cli.progress import ProgressLine
from retrieval.cli.query_args import typed_query

if TYPE_CHECKING:
    from indexer.encoders.names import Precision
    from retrieval import Filter
    from retrieval.search.engine import SearchKind
    from retrieval.search.paging import Sort

SECTION = "Search"


@click.command("search", short_help="Find photos and texts by words, pictures, or both.")
@click.argument("query", nargs=-1)
@click.option("--image", type=FilePath(), help="A picture to search for together with the words.")
@kind_option
@click.option(
    "--hybrid/--no-hybrid",
    default=True,
    show_default=True,
    help="Also search names of files and folders, metadata and texts for the words.",
)
@literal_option
@click.option("--allow-url", is_flag=True, help="Allow the query to fetch a picture from the web.")
@rerank_options
@page_options
@filter_options
@threshold_options
@format_options
@viewing_options
@encoder_option
@precision_option
@settings_options("library", "device", "trust_encoder")
def command(
    query: tuple[str, ...],
    image: Path | None,
    kind: SearchKind,
    hybrid: bool,
    literal: bool,
    allow_url: bool,
    rerank: tuple[str, ...],
    expand: bool,
    k: int,
    sort: Sort,
    offset: int,
    where: Filter | None,
    threshold: float | None,
    output: OutputFormat,
    viewing: Viewing,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
) -> None:
    """Find photos and texts by words, by pictures, or by both.

    A part of QUERY that names an existing picture file is a picture; any other part is words. "-" reads a picture or
    words from standard input, "clipboard:" takes the picture in the clipboard. + or - between parts adds or subtracts
    them; a number and a colon before a part is its weight. A date, a place or a camera among the words becomes a
    filter, and what follows "without" is left out; Recall says so. Unlikely hits are hidden; if nothing matches, Recall
    says so and exits with 1.

    \b
    recall search "a dog on the beach"
    recall search photo.jpg
    recall search "dogs in May 2018"
    recall search "a beach without people"
    recall search "a boat" + sunset.jpg - people
    recall search "2: red car" - truck
    recall search "a dog on the beach" --rerank bursts --rerank mmr
    recall search "a dog on the beach" --preview
    """
    if not query and image is None:
        raise click.UsageError('the query is missing; describe what to find: recall search "a dog on the beach"')
    parsed = typed_query(query, images=[image] if image else (), allow_url=allow_url)
    if parsed.images:
        from indexer.images.workers.worker import start_spare  # late: words need no picture library

        start_spare()  # it becomes ready while the library is opened and the encoder is loaded
    with open_library(settings, encoder=encoder, precision=precision) as library:
        with ProgressLine() as progress:
            hits = library.search(
                parsed, k=k, kind=kind, hybrid=hybrid, literal=literal, rerank=rerank, where=where, sort=sort,
                offset=offset, progress=progress,
            )  # fmt: skip
        likely = likely_hits(hits, threshold)
        shown = likely.expanded() if expand else likely
        write_last(library.path, parsed, shown)
        print_understood(hits.understood)
        pictures = viewing.pictures(library, shown)
        print_likely(hits, likely, output, threshold=threshold, shown=shown, pictures=pictures)
    viewing.open(shown[0])
