"""`recall rollback`."""

from __future__ import annotations

import click

from indexer.config import Settings
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.progress import ProgressLine

SECTION = "Learn"


@click.command("rollback")
@click.argument("version", type=int, required=False)
@settings_options("library", "device", "workers")
def command(version: int | None, settings: Settings) -> None:
    """Undo what was learnt last: go back to what was active before, or to VERSION; 0 is the encoder as it is.

    \b
    recall rollback
    recall rollback 0
    """
    with open_library(settings) as library, ProgressLine() as progress:
        active = library.rollback(version, progress=progress)
    click.echo(f"version {active} is active" if active else "searches use the encoder as it is")
