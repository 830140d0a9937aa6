"""`recall optimize`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from indexer.config import Settings
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json, print_table, size
from retrieval.cli.progress import ProgressLine

if TYPE_CHECKING:
    from indexer.vectors.measurements import IndexChoice, IndexMeasurement

SECTION = "Index"

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


class Size(click.ParamType[int]):
    """A number of bytes, as people write it: 500MB, 1.5GB, 2GiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes."""
        text = str(value).strip()
        number = text.rstrip("bBkKmMgGtTiI ")
        unit = text[len(number) :].strip().upper()
        try:
            found = int(float(number) * UNITS[unit if len(unit) != 1 or unit == "B" else f"{unit}B"])
        except (KeyError, ValueError, OverflowError):
            self.fail(f"{value!r} is no size; write for instance 500MB or 2GB", param, ctx)
        if found < 1:
            self.fail(f"{value!r} is no size; expected at least one byte", param, ctx)
        return found


@click.command("optimize", short_help="Choose the fastest index for the recall and memory you want.")
@click.option(
    "--recall",
    type=click.FloatRange(min=0, min_open=True, max=1),
    default=0.99,
    show_default=True,
    help="The part of the ten best by exact search that must be found; 1 is exact search.",
)
@click.option(
    "--memory",
    type=Size(),
    metavar="SIZE",
    help="What the index may take in memory at most, for instance 500MB or 2GB; by default there is no limit.",
)
@json_option
@settings_options("library", "device")
def command(recall: float, memory: int | None, as_json: bool, settings: Settings) -> None:
    """Choose the index by measurement: each kind is built and asked on your own library.

    `recall index` does it by itself from 100,000 photos and texts on, and again when a tenth has changed; it keeps to
    what was asked for here. Searches go on meanwhile, and Ctrl-C leaves everything as it was.

    \b
    recall optimize
    recall optimize --recall 0.95 --memory 500MB
    """
    with open_library(settings) as library, ProgressLine() as progress:
        choice = library.optimize(recall=recall, memory=memory, progress=progress)
    if as_json:
        for figures in choice.measurements:
            print_json(asdict(figures) | {"chosen": figures is choice.measurements[0]})
        return
    head = ("index", "recall@10", "one query", "opening", "memory", "build", "")
    print_table(head, [_row(figures, choice) for figures in choice.measurements])


def _row(figures: IndexMeasurement, choice: IndexChoice) -> tuple[str, ...]:
    notes = "chosen" if figures is choice.measurements[0] else "" if figures.fits else _why_not(figures, choice)
    return (
        figures.kind,
        f"{figures.recall:.3f}",
        f"{figures.milliseconds:.2f} ms",
        f"{figures.opening:.1f} ms",
        size(figures.memory),
        f"{figures.seconds:.1f} s",
        notes,
    )


def _why_not(figures: IndexMeasurement, choice: IndexChoice) -> str:
    return "finds too little" if figures.recall < choice.target.recall else "too large"
