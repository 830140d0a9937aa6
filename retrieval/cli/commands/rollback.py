"""`recall rollback`."""

from __future__ import annotations

import click

from indexer.config import Settings
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.progress import ProgressLine

SECTION = "Learn"


@click.command("rollback", short_help="Undo what was learnt last, or return to a version.")
@click.argument("version", type=int, required=False)
@json_option
@settings_options("library", "device", "trust_encoder", "workers", "wait")
def command(version: int | None, as_json: bool, settings: Settings) -> None:
    """Undo what was learnt last: return to the version before it, or to VERSION. 0 is the encoder without adaptation.

    \b
    recall rollback
    recall rollback 0
    """
    with open_library(settings) as library, ProgressLine() as progress:
        active = library.rollback(version, progress=progress)
    if as_json:
        print_json({"version": active})
    else:
        click.echo(f"version {active} is active" if active else "searches use the encoder without adaptation")
