"""`recall forget`."""

from __future__ import annotations

from pathlib import Path

import click

from indexer.config import Settings
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.progress import ProgressLine
from retrieval.cli.text import plural

SECTION = "Library"


@click.command("forget", short_help="Remove a folder or photo from the library.")
@click.argument("path", type=FilePath())
@json_option
@settings_options("library", "wait")
def command(path: Path, as_json: bool, settings: Settings) -> None:
    """Remove a folder or photo from the library; the files stay where they are.

    A file in an indexed folder comes back with the next `recall index`, unless you exclude it there.

    \b
    recall forget ~/Pictures/2019
    """
    with open_library(settings) as library, ProgressLine() as progress:
        removed = library.forget(path, progress=progress)
    if as_json:
        print_json({"forgotten": removed})
    else:
        click.echo(f"{plural(removed, 'item')} forgotten; no file was touched")
