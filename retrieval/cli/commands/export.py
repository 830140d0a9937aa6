"""`recall export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.registry import described
from indexer.transfer import DEFAULT_FORMAT, EXPORT_FORMATS, ExportFormat
from retrieval.cli.messages import note
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.progress import ProgressLine
from retrieval.cli.text import plural, size, visible

if TYPE_CHECKING:
    from indexer.transfer.report import ExportReport

SECTION = "Library"

_ADVICE: dict[ExportFormat, str] = {
    "recall": "to keep them, copy the library's folder",
    "clip-retrieval": "--format recall writes them, too",
}
"""What to do about what is left out."""


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
        click.echo(f"{_contents(report)} written to {visible(str(report.folder))} ({size(report.bytes)})")
        left_out = ", ".join(f"{number:,} {name}" for name, number in report.left_out.items() if number)
        if left_out:
            note(f"left out: {left_out}; {_ADVICE[format]}")


def _contents(report: ExportReport) -> str:
    """Return what an export holds."""
    counts = {"private word": report.words, "judgement": report.judgements, "adapter": report.versions}
    named = [plural(number, noun) for noun, number in counts.items() if number]
    items = f"{plural(report.items, 'item')} with {plural(report.vectors, 'embedding')}"
    return ", ".join((items, *named))
