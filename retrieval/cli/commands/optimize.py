"""`recall optimize`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.vectors.kinds import INDEX_KINDS
from retrieval.cli.byte_size import parse_bytes
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.progress import ProgressLine
from retrieval.cli.registry_help import listing
from retrieval.cli.table import print_table
from retrieval.cli.text import size

if TYPE_CHECKING:
    from indexer.vectors.measurements import IndexChoice, IndexMeasurement

SECTION = "Index"


@click.command(
    "optimize",
    short_help="Choose the fastest index for your recall and memory.",
    epilog=listing("Kinds of index", INDEX_KINDS),
)
@click.option(
    "--recall",
    type=click.FloatRange(min=0, min_open=True, max=1),
    metavar="SHARE",
    default=0.99,
    show_default=True,
    help="Share of the ten best results of exact search that must be found; 1 is exact search.",
)
@click.option(
    "--memory",
    callback=parse_bytes,
    metavar="SIZE",
    help="The most memory that the index may take, for instance 500MB or 2GB; by default no limit.",
)
@json_option
@settings_options("library", "device", "trust_encoder", "wait")
def command(recall: float, memory: int | None, as_json: bool, settings: Settings) -> None:
    """Choose the index by measurement: each kind is built and queried with your own library.

    `recall index` does this by itself from 100,000 photos and texts on, and again when a tenth of them has changed,
    with the recall and memory of your last call. Searches continue meanwhile. Ctrl-C leaves everything as it was. In
    PostgreSQL a limit that no other kind keeps, such as 1MB, makes all machines search in the server; its index is
    measured again only by this command.

    \b
    recall optimize
    recall optimize --recall 0.95 --memory 500MB
    recall optimize --memory 1MB --library postgresql://recall@db.example/photos
    """
    with open_library(settings) as library, ProgressLine() as progress:
        choice = library.optimize(recall=recall, memory=memory, progress=progress)
    if as_json:
        for measurement in choice.measurements:
            print_json(asdict(measurement) | {"chosen": measurement is choice.measurements[0]})
        return
    head = ("index", "recall@10", "one query", "opening", "memory", "build", "")
    print_table(head, [_row(measurement, choice) for measurement in choice.measurements])


def _row(measurement: IndexMeasurement, choice: IndexChoice) -> tuple[str, ...]:
    notes = (
        "chosen" if measurement is choice.measurements[0] else "" if measurement.fits else _why_not(measurement, choice)
    )
    return (
        measurement.kind,
        f"{measurement.recall:.3f}",
        f"{measurement.milliseconds:.2f} ms",
        f"{measurement.opening:.1f} ms",
        size(measurement.memory),
        f"{measurement.seconds:.1f} s",
        notes,
    )


def _why_not(measurement: IndexMeasurement, choice: IndexChoice) -> str:
    return "recall too low" if measurement.recall < choice.target.recall else "too large"
