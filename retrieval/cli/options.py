"""Options that several commands share."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from indexer.config import Settings, library_place
from indexer.database_url import DatabaseUrl
from indexer.encoders.names import NAME_FORMS
from indexer.errors import ConfigError
from indexer.object_path import ObjectPath, is_object
from indexer.registry import expected
from retrieval.cli.rerank_option import rerank_option

if TYPE_CHECKING:
    from indexer.encoders.names import Precision
    from retrieval.library import Library

Command = Callable[..., None]


class FilePath(click.Path):
    """A file or folder on the command line; "" is refused, because pathlib reads it as the current folder."""

    def __init__(self, *, dir_okay: bool = True) -> None:
        super().__init__(dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if os.fspath(value) == "":
            self.fail("an empty path was given; name a file or folder", param, ctx)
        return ObjectPath(value) if is_object(value) else super().convert(value, param, ctx)


class PlacePath(FilePath):
    """A file or folder, or a place in an object store: a URL stays a text."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or the URL."""
        from indexer.storage.url import is_url  # late: most commands name no place

        return value if isinstance(value, str) and is_url(value) else super().convert(value, param, ctx)


class LibraryPlace(FilePath):
    """A library on the command line: its folder, which a shell completes, or its URL."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path or the URL."""
        if value == "":
            self.fail("an empty path was given; name a file or folder", param, ctx)
        try:
            return library_place(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


def _library(
    ctx: click.Context, parameter: click.Parameter, value: Path | DatabaseUrl | None
) -> Path | DatabaseUrl | None:
    """Return the library that was given after the command, else the one before it, else that of RECALL_LIBRARY."""
    root = ctx.find_root()
    given = ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    before: Path | DatabaseUrl | None = root.params.get("library")
    return before if before is not None and not given and root is not ctx else value


library_option: Callable[[Command], Command] = click.option(
    "--library",
    type=LibraryPlace(),
    metavar="LIBRARY",
    envvar="RECALL_LIBRARY",
    show_envvar=True,
    callback=_library,
    help="The library: a folder NAME.recall, or postgresql://HOST/DATABASE; by default photos.recall in your data "
    "folder.",
)

_SETTINGS: dict[str, Callable[[Command], Command]] = {
    "library": library_option,
    "device": click.option(
        "--device",
        metavar="NAME",
        envvar="RECALL_DEVICE",
        show_envvar=True,
        help="Where the encoder runs: auto, cpu, cuda, cuda:N or mps; by default auto.",
    ),
    "trust_encoder": click.option(
        "--trust-encoder",
        is_flag=True,
        default=None,
        envvar="RECALL_TRUST_ENCODER",
        show_envvar=True,
        help="Load the folder or repository that the library names as its encoder, though you never named it here.",
    ),
    "batch_size": click.option(
        "--batch-size",
        type=click.IntRange(min=1),
        metavar="N",
        envvar="RECALL_BATCH_SIZE",
        show_envvar=True,
        help="Photos per call of the encoder; by default what suits the device.",
    ),
    "workers": click.option(
        "--workers",
        type=click.IntRange(min=0),
        metavar="N",
        envvar="RECALL_WORKERS",
        show_envvar=True,
        help="Processes that decode photos; by default one per processor. 0 decodes in threads of this process.",
    ),
    "max_pixels": click.option(
        "--max-pixels",
        type=click.IntRange(min=1),
        metavar="N",
        envvar="RECALL_MAX_PIXELS",
        show_envvar=True,
        help="Refuse pictures with more pixels; by default 200000000.",
    ),
    "max_bytes": click.option(
        "--max-bytes",
        type=click.IntRange(min=1),
        metavar="N",
        envvar="RECALL_MAX_BYTES",
        show_envvar=True,
        help="Refuse files with more bytes; by default 536870912.",
    ),
    "timeout": click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        envvar="RECALL_TIMEOUT",
        show_envvar=True,
        help="Give up decoding a photo after this time; by default 60.",
    ),
    "wait": click.option(
        "--wait",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        envvar="RECALL_WAIT",
        show_envvar=True,
        help="Wait this long for another process that writes to the library; by default 30.",
    ),
}


encoder_option: Callable[[Command], Command] = click.option(
    "--encoder",
    metavar="NAME",
    help=f"The encoder: {expected(NAME_FORMS)}. By default that of the library; for a new library RECALL_ENCODER, or "
    "compact.",
)
"""The encoder that a library must have; RECALL_ENCODER only chooses that of a new library."""

precision_option: Callable[[Command], Command] = click.option(
    "--precision",
    type=click.Choice(["float32", "int8"]),
    help="Precision of the encoder. int8 takes a quarter of the disk space and at most half of the time on a CPU; its "
    "embeddings differ slightly and cannot be mixed with those in float32. By default that of the library or encoder.",
)


def settings_options(*names: str) -> Callable[[Command], Command]:
    """Return a decorator that adds options by name and hands the command their values as `settings`."""

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
    "-k", "-n", "--limit", "k", type=int, metavar="N", default=10, show_default=True, help="Number of results."
)


kind_option: Callable[[Command], Command] = click.option(
    "--type",
    "kind",
    type=click.Choice(["photos", "texts", "all"]),
    default="all",
    show_default=True,
    help="Only photos, only texts, or both.",
)

literal_option: Callable[[Command], Command] = click.option(
    "--literal", is_flag=True, help="Search for all words as they are, also for dates, places, cameras and negations."
)

_sort_option: Callable[[Command], Command] = click.option(
    "--sort",
    type=click.Choice(["score", "date", "-date", "name"]),
    default="score",
    show_default=True,
    help="Order of the results: best first, by the date taken (-date: newest first), or by name.",
)

_offset_option: Callable[[Command], Command] = click.option(
    "--offset",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    show_default=True,
    help="Skip this many of the best results: with -k 10, --offset 10 is the second page.",
)


def page_options(command: Command) -> Command:
    """Add the options that choose how many results are shown, in which order, and from which on."""
    return count_option(_sort_option(_offset_option(command)))


def rerank_options(command: Command) -> Command:
    """Add --rerank and --expand."""
    expand = click.option("--expand", is_flag=True, help="List every photo of a burst, not only its best.")
    return rerank_option(expand(command))


def open_library(
    settings: Settings,
    *,
    create: bool = False,
    encoder: str | None = None,
    precision: Precision | None = None,
    read_only: bool = False,
) -> Library:
    """Return the library that the settings name."""
    from retrieval.library import Library  # late: --help does not need a database library

    return Library(settings, create=create, encoder=encoder, precision=precision, read_only=read_only)
