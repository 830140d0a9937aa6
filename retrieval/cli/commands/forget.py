"""`recall forget`."""

from __future__ import annotations

from pathlib import Path

import click

from indexer.config import Settings
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.progress import ProgressLine

SECTION = "Library"


@click.command("forget", short_help="Take a folder or photo out of the library.")
@click.argument("path", type=FilePath())
@settings_options("library")
def command(path: Path, settings: Settings) -> None:
    """Take a folder or photo out of the library; the files stay where they are.

    What lies in a folder that is indexed comes back with the next `recall index`, unless it is excluded there.

    \b
    recall forget ~/Pictures/2019
    """
    with open_library(settings) as library, ProgressLine() as progress:
        removed = library.forget(path, progress=progress)
    click.echo(f"{removed:,} forgotten; no file was touched")
