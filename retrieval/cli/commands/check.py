"""`recall check`."""

from __future__ import annotations

import click

from indexer.config import Settings
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json, print_table
from retrieval.cli.progress import ProgressLine

SECTION = "Library"


@click.command("check", short_help="Compare catalog, index and disk, and mend.")
@click.option("--repair", is_flag=True, help="Rebuild what is derived: the index, and embeddings that are damaged.")
@json_option
@settings_options("library")
def command(repair: bool, as_json: bool, settings: Settings) -> None:
    """Compare catalog, index and disk; exit with 1 where they disagree.

    \b
    recall check
    recall check --repair
    """
    with open_library(settings) as library, ProgressLine() as progress:
        problems = library.check(repair=repair, progress=progress)
    if as_json:
        for problem in problems:
            print_json(problem._asdict())
    elif problems:
        print_table(("kind", "what", "to do"), problems)
    else:
        click.echo("catalog, index and disk agree")
    if problems:
        click.get_current_context().exit(1)
