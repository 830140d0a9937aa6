"""`recall similar`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from retrieval.cli.filter_options import filter_options
from retrieval.cli.hit_table import print_hits
from retrieval.cli.options import (
    FilePath,
    encoder_option,
    open_library,
    page_options,
    precision_option,
    settings_options,
)
from retrieval.cli.output import OutputFormat, format_options
from retrieval.cli.preview import Viewing, viewing_options

if TYPE_CHECKING:
    from indexer.encoders.names import Precision
    from retrieval import Filter
    from retrieval.search.paging import Sort

SECTION = "Search"


@click.command("similar", short_help="Find the photos most similar to a photo.")
@click.argument("photo", type=FilePath())
@page_options
@filter_options
@format_options
@viewing_options
@encoder_option
@precision_option
@settings_options("library", "device", "trust_encoder")
def command(
    photo: Path,
    k: int,
    sort: Sort,
    offset: int,
    where: Filter | None,
    output: OutputFormat,
    viewing: Viewing,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
) -> None:
    """Find the photos most similar to PHOTO, without PHOTO itself.

    \b
    recall similar photo.jpg
    """
    with open_library(settings, encoder=encoder, precision=precision) as library:
        hits = library.similar(photo, k=k, where=where, sort=sort, offset=offset)
        print_hits(hits, output, pictures=viewing.pictures(library, hits))
    viewing.open(hits[0])
