"""`recall explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.errors import QueryError
from retrieval.cli.filter_options import filter_options
from retrieval.cli.options import (
    FilePath,
    count_option,
    encoder_option,
    open_library,
    precision_option,
    settings_options,
)
from retrieval.cli.output import json_option, print_json, print_table, visible
from retrieval.cli.progress import ProgressLine
from retrieval.cli.query_args import typed_query

if TYPE_CHECKING:
    from indexer.encoders.names import Precision
    from retrieval import Filter
    from retrieval.explain import Explanation, Region

SECTION = "Search"

TILES = 3
"""Regions that are shown; --json gives all."""


@click.command("explain", short_help="Say why a photo is in an answer, or why it is not.")
@click.argument("query")
@click.argument("file", type=FilePath())
@click.option("--save", type=FilePath(), help="Write the picture with a map of what fits the query.")
@count_option
@filter_options
@json_option
@encoder_option
@precision_option
@settings_options("library", "device")
def command(
    query: str,
    file: Path,
    save: Path | None,
    k: int,
    where: Filter | None,
    as_json: bool,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
) -> None:
    """Say why FILE is among the results of QUERY, or why it is not.

    Prints its score and rank, what each word does for the score (with it less without it), which regions fit best, and,
    where it is not in the answer, why: never indexed, removed by a filter, or outranked. Options as for recall search.
    Exits with 1 where FILE is not in the answer.

    \b
    recall explain "a red boat at dusk" IMG_1234.jpg
    recall explain "a red boat" IMG_1234.jpg --save heat.png
    """
    with open_library(settings, encoder=encoder, precision=precision) as library, ProgressLine() as progress:
        asked = typed_query([query])
        found = library.explain(asked, file, k=k, progress=progress, where=where)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)
    if save:
        _save(found, save)
    if not found.in_results:
        click.get_current_context().exit(1)


def _print(found: Explanation) -> None:
    click.echo(visible(str(found.path)))
    for reason in found.reasons:
        click.echo(f"{'note' if found.in_results else 'not in the answer'}: {visible(reason)}")
    if found.score is None:
        return
    chance = "" if found.probability is None else f", probability {found.probability:.0%}"
    place = f", rank {found.rank:,} of {found.total:,}" if found.rank else ""
    click.echo(f"score {found.score:.3f}{chance}{place}")
    if found.text and found.kind == "text":
        click.echo(f"found in: {visible(found.text)}")
    words = [
        (word.word or f"[{found.part_scores[word.part].part}]", f"{word.effect:+.3f}") for word in found.word_effects
    ]
    if words:
        click.echo()
        print_table(("word", "effect"), words)
    if found.regions:
        click.echo()
        print_table(("region", "score"), [(_region(tile), f"{tile.score:.3f}") for tile in found.regions.tiles[:TILES]])


def _region(tile: Region) -> str:
    edges = (f"{edge:.0%}" for edge in (tile.left, tile.right, tile.top, tile.bottom))
    return "{}, x {} to {}, y {} to {}".format(tile.location, *edges)


def _save(found: Explanation, path: Path) -> None:
    from retrieval.explain import save_heatmap  # late: it brings the picture library

    if found.picture is None or found.regions is None:
        raise QueryError(f"there is no map to write to {path}: {found.path} is no picture of the library")
    save_heatmap(found.picture, found.regions, path)
    click.echo(f"saved: {visible(str(path))}", err=True)
