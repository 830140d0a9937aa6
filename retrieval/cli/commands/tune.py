"""`recall tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from indexer.config import Settings
from retrieval.cli.messages import note
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.progress import ProgressLine
from retrieval.cli.text import plural, visible

SECTION = "Learn"


@click.command("tune", short_help="Learn from your judgements, if that improves the search.")
@click.option(
    "--method",
    type=click.Choice(["adapter", "adapter-both", "lora"]),
    default="adapter",
    show_default=True,
    help="adapter: transform queries, in seconds. adapter-both: transform the embeddings of photos too, in minutes. "
    "lora: train the encoder itself, in minutes to hours; it becomes the encoder of the library.",
)
@click.option("--dry-run", is_flag=True, help="Measure what would be learnt, and change nothing.")
@click.option(
    "--control-set",
    type=FilePath(dir_okay=False),
    metavar="TABLE",
    help="A CSV file of general photos with the columns image and caption, to check that nothing else gets worse. By "
    "default general words that come with Recall.",
)
@json_option
@settings_options("library", "device", "trust_encoder", "batch_size", "workers", "max_pixels", "max_bytes", "wait")
def command(
    method: Literal["adapter", "adapter-both", "lora"],
    dry_run: bool,
    control_set: Path | None,
    as_json: bool,
    settings: Settings,
) -> None:
    """Learn from your judgements, and use the result if it is better.

    The result is tested with judged queries that it was not trained on, and with a control set. If it is not better, or
    does harm, it is stored but not used. `recall rollback` undoes it. You can stop with Ctrl-C at any time: nothing is
    changed before the end, and `--method lora` continues from its last epoch.

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
        click.echo("\n".join(map(visible, str(report).split("\n"))))
        note(
            f"{plural(report.judgements, 'judgement')}: {report.used:,} used, {report.contradicted:,} overruled by "
            f"later ones, {report.missing:,} of missing files; {report.seconds:.0f} s"
            + "; nothing was changed"
            * dry_run
        )
