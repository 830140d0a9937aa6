"""`recall export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from indexer.config import Settings
from indexer.registry import described
from indexer.transfer import DEFAULT_FORMAT, EXPORT_FORMATS, ExportFormat
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json, size, visible
from retrieval.cli.progress import ProgressLine

SECTION = "Library"


@click.command("export", short_help="Write the library into a folder that moves to another machine.")
@click.argument("folder", type=FilePath())
@click.option(
    "--format",
    type=click.Choice([entry.name for entry in EXPORT_FORMATS]),
    default=DEFAULT_FORMAT,
    show_default=True,
    help=f"{described(EXPORT_FORMATS)}.",
)
@json_option
@settings_options("library")
def command(folder: Path, format: ExportFormat, as_json: bool, settings: Settings) -> None:
    """Write all that the library knows into a new FOLDER; the photos themselves stay where they are.

    \b
    recall export backup
    recall export embeddings --format clip-retrieval
    """
    with open_library(settings) as library, ProgressLine() as progress:
        report = library.export(folder, format=format, progress=progress)
    if as_json:
        print_json(asdict(report) | {"folder": str(report.folder)})
    else:
        click.echo(
            f"{report.items:,} items with {report.vectors:,} embeddings written to {visible(str(report.folder))} "
            f"({size(report.bytes)})"
        )
