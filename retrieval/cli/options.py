"""Options that several commands share."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexer.config import Settings
from retrieval.cli.rerank_option import rerank_option

if TYPE_CHECKING:
    from indexer.encoders.names import Precision
    from retrieval.library import Library

Command = Callable[..., None]


class FilePath(click.Path):
    """A file or folder on the command line; "" is refused, which pathlib takes for the current folder."""

    def __init__(self, *, dir_okay: bool = True) -> None:
        super().__init__(dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if os.fspath(value) == "":
            self.fail("an empty path was given; name a file or folder", param, ctx)
        return super().convert(value, param, ctx)


_SETTINGS: dict[str, Callable[[Command], Command]] = {
    "library": click.option(
        "--library",
        type=FilePath(),
        metavar="FOLDER",
        envvar="RECALL_LIBRARY",
        show_envvar=True,
        help="The library, NAME.recall; without it, photos.recall in your data folder.",
    ),
    "device": click.option(
        "--device",
        metavar="NAME",
        envvar="RECALL_DEVICE",
        show_envvar=True,
        help="Where the encoder runs: auto, cpu, cuda, cuda:N or mps; by default auto.",
    ),
    "batch_size": click.option(
        "--batch-size",
        type=click.IntRange(min=1),
        envvar="RECALL_BATCH_SIZE",
        show_envvar=True,
        help="Photos per call of the encoder; by default what suits the device.",
    ),
    "workers": click.option(
        "--workers",
        type=click.IntRange(min=1),
        envvar="RECALL_WORKERS",
        show_envvar=True,
        help="Processes that decode photos; by default one per processor.",
    ),
    "max_pixels": click.option(
        "--max-pixels",
        type=click.IntRange(min=1),
        envvar="RECALL_MAX_PIXELS",
        show_envvar=True,
        help="Refuse pictures with more pixels than this; by default 200000000.",
    ),
    "max_bytes": click.option(
        "--max-bytes",
        type=click.IntRange(min=1),
        envvar="RECALL_MAX_BYTES",
        show_envvar=True,
        help="Refuse files with more bytes than this; by default 536870912.",
    ),
    "timeout": click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        envvar="RECALL_TIMEOUT",
        show_envvar=True,
        help="Seconds after which decoding one photo is given up; by default 60.",
    ),
}


encoder_option: Callable[[Command], Command] = click.option(
    "--encoder",
    metavar="NAME",
    help="The encoder: compact, MODEL/WEIGHTS, hf-hub:ORG/REPO or local-dir:PATH. By default the library's own; for a "
    "new one RECALL_ENCODER, else compact.",
)
"""--encoder says which encoder there must be; the variable only chooses that of a new library."""

precision_option: Callable[[Command], Command] = click.option(
    "--precision",
    type=click.Choice(["float32", "int8"]),
    help="What the encoder computes in: int8 takes a quarter of the disk and half of the time or less on a CPU, with "
    "slightly other vectors, which do not mix with those in float32. By default that of the library or encoder.",
)
"""int8 is the same as +int8 at the end of the encoder's name."""


def settings_options(*names: str) -> Callable[[Command], Command]:
    """Return a decorator that adds options by name and hands the command one `settings`."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def call(**arguments: Any) -> None:
            chosen = {name: arguments.pop(name) for name in names}
            command(settings=Settings.load(**chosen), **arguments)

        decorated: Command = call
        for name in reversed(names):
            decorated = _SETTINGS[name](decorated)
        return decorated

    return decorate


count_option: Callable[[Command], Command] = click.option(
    "-k", "k", type=int, default=10, show_default=True, help="Number of results."
)


def page_options(command: Command) -> Command:
    """Add the options that say how many results to show, in which order, from which on."""
    options = (
        count_option,
        click.option(
            "--sort",
            type=click.Choice(["score", "date", "-date", "name"]),
            default="score",
            show_default=True,
            help="Order of these results: best first, by the date taken (-date is newest first), or by name.",
        ),
        click.option(
            "--offset",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="How many of the best to leave out: with -k 10, --offset 10 is the second page.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def rerank_options(command: Command) -> Command:
    """Add --rerank and --expand."""
    expand = click.option("--expand", is_flag=True, help="List every photo of a hit that bursts made of several.")
    return rerank_option(expand(command))


def open_library(
    settings: Settings, *, create: bool = False, encoder: str | None = None, precision: Precision | None = None
) -> Library:
    """Return the library that the settings name."""
    from retrieval.library import Library  # late: --help does not need a database library

    return Library(settings, create=create, encoder=encoder, precision=precision)
