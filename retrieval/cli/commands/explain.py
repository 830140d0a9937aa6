"""`recall explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.errors import QueryError
from retrieval.cli import terminal
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.filter_options import filter_options
from retrieval.cli.messages import note
from retrieval.cli.options import (
    FilePath,
    count_option,
    encoder_option,
    literal_option,
    open_library,
    precision_option,
    settings_options,
)
from retrieval.cli.output import json_option, print_json
from retrieval.cli.output_file import force_option
from retrieval.cli.progress import ProgressLine
from retrieval.cli.query_args import typed_query
from retrieval.cli.table import print_table
from retrieval.cli.text import visible

if TYPE_CHECKING:
    from indexer.encoders.names import Precision
    from retrieval import Filter
    from retrieval.explain import Explanation, Region

SECTION = "Search"

_TILES = 3
"""Regions in the table; --json has all."""


@click.command("explain", short_help="Explain why a photo is among the results, or why not.")
@click.argument("query")
@click.argument("file", type=FilePath())
@click.option("--save", type=FilePath(), metavar="PNG", help="Write the picture with a map of what matches the query.")
@force_option
@count_option
@literal_option
@filter_options
@json_option
@encoder_option
@precision_option
@settings_options("library", "device", "trust_encoder")
def command(
    query: str,
    file: Path,
    save: Path | None,
    force: bool,
    k: int,
    literal: bool,
    where: Filter | None,
    as_json: bool,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
) -> None:
    """Explain why FILE is among the results of QUERY, or why not. FILE may be the id of an added item.

    Prints the score and rank of FILE, the effect of each word (the score with it less the score without it) and the
    regions that match best. If FILE is not among the results, prints the reason: not indexed, excluded by a filter, or
    outranked; and exits with 1. Takes -k and the filters of recall search.

    \b
    recall explain "a red boat at dusk" IMG_1234.jpg
    recall explain "a red boat" IMG_1234.jpg --save heat.png
    """
    with open_library(settings, encoder=encoder, precision=precision) as library, ProgressLine() as progress:
        explanation = library.explain(typed_query([query]), file, k=k, literal=literal, progress=progress, where=where)
    if as_json:
        print_json(explanation.to_dict())
    else:
        _print(explanation)
    if save:
        _save(explanation, save, force=force)
    if not explanation.in_results:
        leave(ExitCode.NOTHING_FOUND)


def _print(explanation: Explanation) -> None:
    if explanation.collection is None:
        click.echo(terminal.link(visible(str(explanation.path)), explanation.path))
    else:
        click.echo(visible(f"collection:{explanation.collection}: {explanation.id}"))
    for reason in explanation.reasons:
        click.echo(f"{'note' if explanation.in_results else 'not in the results'}: {visible(reason)}")
    if explanation.score is None:
        return
    match = "" if explanation.probability is None else f", match {explanation.probability:.0%}"
    rank = f", rank {explanation.rank:,} of {explanation.total:,}" if explanation.rank else ""
    click.echo(f"score {explanation.score:.3f}{match}{rank}")
    if explanation.text and explanation.kind == "text":
        click.echo(f"text: {visible(explanation.text)}")
    words = [
        (word.word or f"[{explanation.part_scores[word.part].part}]", f"{word.effect:+.3f}")
        for word in explanation.word_effects
    ]
    if words:
        click.echo()
        print_table(("word", "effect"), words)
    if explanation.regions:
        tiles = explanation.regions.tiles[:_TILES]
        click.echo()
        print_table(("region", "score"), [(_region(tile), f"{tile.score:.3f}") for tile in tiles])


def _region(tile: Region) -> str:
    edges = (f"{edge:.0%}" for edge in (tile.left, tile.right, tile.top, tile.bottom))
    return "{}, x {} to {}, y {} to {}".format(tile.location, *edges)


def _save(explanation: Explanation, path: Path, *, force: bool) -> None:
    from retrieval.explain import save_heatmap  # late: it loads the picture library

    if explanation.picture is None or explanation.regions is None:
        raise QueryError(f"there is no map to write to {path}: {explanation.id} has no picture in the library")
    save_heatmap(explanation.picture, explanation.regions, path, overwrite=force)
    note(f"saved: {path}")
