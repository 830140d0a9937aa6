"""Options of `recall index` that embed a folder into parts in place of a library."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.messages import note, print_failures
from retrieval.cli.options import PlacePath
from retrieval.cli.output import print_json
from retrieval.cli.progress import ProgressLine
from retrieval.cli.text import plural

if TYPE_CHECKING:
    from indexer.distributed.report import PartsReport

Command = Callable[..., None]

_OF_LIBRARIES = {
    "text_columns": "--text-column",
    "image_column": "--image-column",
    "id_column": "--id-column",
    "forget_missing": "--forget-missing",
    "files_from": "--files-from",
    "dry_run": "--dry-run",
}
"""Arguments that only an index of a library has, and their options."""


def _share(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Return the share's number and the number of shares of 7/64; raise BadParameter for anything else."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", value)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise click.BadParameter(f"{value!r} is not a share; expected for instance 7/64, the seventh of 64", ctx, param)
    return int(match[1]), int(match[2])


_OPTIONS = (
    click.option(
        "--into",
        type=PlacePath(),
        metavar="PLACE",
        help="Embed one folder without a library, into parts in the folder PLACE, which recall import reads. Parts "
        "that are complete are passed over.",
    ),
    click.option(
        "--part",
        "share",
        callback=_share,
        metavar="K/N",
        help="With --into: make only every Nth part, beginning with the Kth, so that N machines share the work.",
    ),
    click.option(
        "--ray",
        metavar="ADDRESS",
        help="With --into: let the machines of a Ray cluster make the parts; HOST:PORT of its head, or auto.",
    ),
)


def parts_options(command: Command) -> Command:
    """Add --into, --part and --ray to `recall index`; with --into a folder is embedded without a library."""

    @functools.wraps(command)
    def call(*, into: Any, share: tuple[int, int] | None, ray: str | None, **arguments: Any) -> None:
        if into is not None:
            _embed(into, share, ray, arguments)
        elif share is not None or ray is not None:
            raise click.UsageError("--part and --ray need --into PLACE, where the parts are written")
        else:
            command(**arguments)

    decorated: Command = call
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def _embed(into: Any, share: tuple[int, int] | None, ray: str | None, arguments: dict[str, Any]) -> None:
    """Embed the only path, and print the report."""
    unused = [option for name, option in _OF_LIBRARIES.items() if arguments[name]]
    if unused:
        raise click.UsageError(f"{', '.join(unused)} cannot be used with --into; leave one out")
    if len(arguments["paths"]) != 1:
        raise click.UsageError(f"--into takes one folder, not {len(arguments['paths'])}; give each a place of its own")
    from retrieval.library.parts import embed_with_settings  # late: --help needs no database library

    out = nullcontext() if ray is None else redirect_stdout(sys.stderr)  # Ray prints there that a machine has died
    with out, ProgressLine() as progress:
        report = embed_with_settings(
            arguments["paths"][0],
            into,
            arguments["settings"],
            encoder=arguments["encoder"],
            precision=arguments["precision"],
            exclude=arguments["exclude"],
            include_hidden=bool(arguments["include_hidden"]),
            part=share,
            ray=ray,
            progress=progress,
        )
    _print(report, as_json=arguments["as_json"])
    if report.failed or report.unreadable:
        leave(ExitCode.SOME_FAILED)


def _print(report: PartsReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_dict())
        return
    counts = {"written": report.written, "already there": report.existing, "removed": report.removed}
    parts = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number or name == "written")
    click.echo(f"{plural(report.parts, 'part')}: {parts} in {report.total_seconds:.1f} seconds")
    note(f"{plural(report.items, 'item')} embedded, {report.failed:,} failed")
    note(f"to import them: recall import {report.place}")
    print_failures("not listed", [(folder, "cannot be read") for folder in report.unreadable], "--json")
