"""`recall export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from indexer.config import Settings
from indexer.registry import described
from indexer.transfer import DEFAULT_FORMAT, EXPORT_FORMATS, ExportFormat
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.progress import ProgressLine
from retrieval.cli.text import plural, size, visible

SECTION = "Library"


@click.command("export", short_help="Write the library into a folder for another machine.")
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
    """Write the library into a new FOLDER; the photos stay where they are.

    \b
    recall export backup
    recall export embeddings --format clip-retrieval
    """
    with open_library(settings) as library, ProgressLine() as progress:
        report = library.export(folder, format=format, progress=progress)
    if as_json:
        print_json(asdict(report) | {"folder": str(report.folder)})
    else:
        items, embeddings = plural(report.items, "item"), plural(report.vectors, "embedding")
        click.echo(f"{items} with {embeddings} written to {visible(str(report.folder))} ({size(report.bytes)})")
