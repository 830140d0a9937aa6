"""`recall tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from indexer.config import Settings
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.progress import ProgressLine

SECTION = "Learn"


@click.command("tune")
@click.option(
    "--method",
    type=click.Choice(["adapter", "adapter-both", "lora"]),
    default="adapter",
    show_default=True,
    help="adapter: transform queries, in seconds. adapter-both: the photos' embeddings too, in minutes. lora: train "
    "the encoder itself, in minutes to hours; it becomes the library's encoder.",
)
@click.option("--dry-run", is_flag=True, help="Measure what would be learnt, and change nothing.")
@click.option(
    "--control-set",
    type=FilePath(dir_okay=False),
    metavar="TABLE",
    help="A CSV file with the columns image and caption, of general photos, to see that nothing else gets worse. By "
    "default general words that come with Recall.",
)
@json_option
@settings_options("library", "device", "batch_size", "workers", "max_pixels", "max_bytes")
def command(
    method: Literal["adapter", "adapter-both", "lora"],
    dry_run: bool,
    control_set: Path | None,
    as_json: bool,
    settings: Settings,
) -> None:
    """Learn from your judgements, and use it where it proves better.

    What is learnt is tried on judged queries that it has not seen, and on general words. Where it is no better, or
    does harm, it is kept but not used. `recall rollback` undoes it. Stop it with Ctrl-C at any time: nothing is changed
    before it is done, and `--method lora` goes on from its last epoch.

    \b
    recall tune --dry-run
    recall tune
    recall tune --method lora
    """
    with open_library(settings) as library, ProgressLine() as progress:
        report = library.tune(method=method, dry_run=dry_run, control_set=control_set, progress=progress)
    if as_json:
        print_json(report.to_dict())
    else:
        click.echo(str(report))
        click.echo(
            f"{report.judgements} judgements, {report.used} used, {report.contradicted} overruled by later ones, "
            f"{report.missing} of files that are gone; {report.seconds:.0f} s" + ("; nothing was changed" * dry_run),
            err=True,
        )
