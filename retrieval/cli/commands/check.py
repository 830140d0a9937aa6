"""`recall check`."""

from __future__ import annotations

import click

from indexer.config import Settings
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.progress import ProgressLine
from retrieval.cli.table import Column, print_table

SECTION = "Library"


@click.command("check", short_help="Compare catalog, index and disk, and repair them.")
@click.option("--repair", is_flag=True, help="Rebuild the index, and drop damaged embeddings and pictures of no item.")
@json_option
@settings_options("library", "wait")
def command(repair: bool, as_json: bool, settings: Settings) -> None:
    """Compare catalog, index and disk; exit with 3 if they disagree.

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
        print_table(("kind", Column("problem", "wrap"), Column("what to do", "wrap")), problems)
    else:
        click.echo("catalog, index and disk agree")
    if problems:
        leave(ExitCode.SOME_FAILED)
