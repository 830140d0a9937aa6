"""`recall forget` and `recall check`."""

from __future__ import annotations

from pathlib import Path

import click

from indexer.config import Settings
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json, print_table
from retrieval.cli.progress import ProgressLine


@click.command("forget", short_help="Take a folder or photo out of the library.")
@click.argument("path", type=FilePath())
@settings_options("library")
def forget_command(path: Path, settings: Settings) -> None:
    """Take a folder or photo out of the library; the files stay where they are.

    What lies in a folder that is indexed comes back with the next `recall index`, unless it is excluded there.

    \b
    recall forget ~/Pictures/2019
    """
    with open_library(settings) as library, ProgressLine() as progress:
        removed = library.forget(path, progress=progress)
    click.echo(f"{removed:,} forgotten; no file was touched")


@click.command("check", short_help="Compare catalog, index and disk, and mend.")
@click.option("--repair", is_flag=True, help="Rebuild what is derived: the index, and embeddings that are damaged.")
@json_option
@settings_options("library")
def check_command(repair: bool, as_json: bool, settings: Settings) -> None:
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
