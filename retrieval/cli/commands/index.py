"""`recall index`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.sync.report import SyncReport
from retrieval.cli.options import FilePath, encoder_option, open_library, precision_option, settings_options
from retrieval.cli.output import in_words, json_option, print_json, visible
from retrieval.cli.progress import ProgressLine

if TYPE_CHECKING:
    from indexer.encoders.names import Precision

SECTION = "Index"

SOME_FAILED = 3
"""Exit code: done, but some items failed."""

NAMED = 10
"""Failures that the summary names; `recall status --failed` names all."""


@click.command("index", short_help="Index folders of photos and texts, or bring all of them up to date.")
@click.argument("paths", nargs=-1, type=FilePath())
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help='Leave out names or paths below the folder that fit, for instance "*.png" or "2019/*"; may be repeated, and '
    'is remembered for the next run; "" leaves out nothing again.',
)
@click.option(
    "--include-hidden/--no-hidden",
    default=None,
    help="Whether names that begin with a dot are indexed too; remembered for the next run, at first not.",
)
@click.option(
    "--text-column",
    "text_columns",
    multiple=True,
    metavar="NAME",
    help="Of a table (.csv, .jsonl, .parquet): a column with text; may be repeated. The columns are remembered.",
)
@click.option(
    "--image-column",
    metavar="NAME",
    help="Of a table: the column with paths of pictures; they have to lie in the table's folder.",
)
@click.option(
    "--id-column",
    metavar="NAME",
    help="Of a table: the column that tells rows apart, also when they move; without it, the number of the row.",
)
@json_option
@encoder_option
@precision_option
@settings_options("library", "device", "batch_size", "workers", "max_pixels", "max_bytes", "timeout")
def command(
    paths: tuple[Path, ...],
    exclude: tuple[str, ...],
    include_hidden: bool | None,
    text_columns: tuple[str, ...],
    image_column: str | None,
    id_column: str | None,
    as_json: bool,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
) -> None:
    """Index folders, photos, texts and tables, or with no PATHS index again all that was indexed before.

    In a folder photos and texts (.txt, .md) are found. A table is indexed when it is named itself: each row is one
    item, with its text, its picture, or both.

    New and changed photos and texts are encoded; moved ones keep their embeddings; deleted ones leave the answers. Stop
    it with Ctrl-C at any time: the next run goes on from there.

    \b
    recall index ~/Pictures
    recall index ~/Pictures --exclude "*.png" --exclude "Screenshots"
    recall index captions.csv --text-column caption --image-column image
    """
    from indexer.sync.scan_rules import resolve_path  # late: it brings the picture library, which no help text needs

    if paths and not any(map(os.path.lexists, paths)):
        resolve_path(paths[0])  # refuses it before a library is made for nothing
    with (
        open_library(settings, create=bool(paths), encoder=encoder, precision=precision) as library,
        ProgressLine() as progress,
    ):
        report = library.sync(
            *paths,
            exclude=exclude or None,
            include_hidden=include_hidden,
            text_columns=text_columns,
            image_column=image_column,
            id_column=id_column,
            progress=progress,
        )
    if as_json:
        print_json(report.to_dict())
    else:
        _print_summary(report)
    if report.failed or report.unreadable_folders:
        click.get_current_context().exit(SOME_FAILED)


def _print_summary(report: SyncReport) -> None:
    click.echo(f"{report.summary} in {report.total_seconds:.1f} seconds")
    if report.bottleneck:
        stage, share = report.bottleneck
        click.echo(f"{stage} was the bottleneck ({share:.0%} of the time)", err=True)
    if report.reencoded or report.approximate:
        left = f"; {report.approximate:,} are still mapped" if report.approximate else ""
        click.echo(f"{report.reencoded:,} mapped embeddings were made anew{left}")
    if report.index_choice:
        click.echo(f"a new index was chosen: {in_words(report.index_choice.measurements[0])}")
    for failure in report.not_reencoded[:NAMED]:
        click.echo(f"not encoded anew: {visible(failure.location)}: {visible(failure.message)}", err=True)
    for folder in report.unreadable_folders:
        click.echo(f"not listed: {visible(folder)}", err=True)
    for failure in report.failures[:NAMED]:
        click.echo(f"failed: {visible(failure.location)}: {visible(failure.message)}", err=True)
    if report.failed > NAMED:
        click.echo(f"and {report.failed - NAMED:,} more: recall status --failed", err=True)
