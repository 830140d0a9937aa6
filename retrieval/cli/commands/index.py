"""`recall index`."""

from __future__ import annotations

import os
import shlex
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.sync.report import MAX_LISTED, MissingFolder, SyncReport
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.file_list import read_paths
from retrieval.cli.index_measurement import describe
from retrieval.cli.messages import note, print_failures
from retrieval.cli.options import PlacePath, encoder_option, open_library, precision_option, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.parts_options import parts_options
from retrieval.cli.progress import ProgressLine
from retrieval.cli.text import plural

if TYPE_CHECKING:
    from indexer.encoders.names import Precision

SECTION = "Index"


@click.command("index", short_help="Index folders of photos and texts, or update the library.")
@click.argument("paths", nargs=-1, type=PlacePath())
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help='Leave out names or paths below the folder that match, for instance "*.png" or "2019/*"; may be repeated. '
    'Remembered for the next run; "" removes the patterns.',
)
@click.option(
    "--include-hidden/--no-hidden",
    default=None,
    help="Whether to index names that begin with a dot; remembered for the next run, by default no.",
)
@click.option(
    "--text-column",
    "text_columns",
    multiple=True,
    metavar="NAME",
    help="Column of a table (.csv, .jsonl, .parquet) with text; may be repeated. The columns are remembered.",
)
@click.option(
    "--image-column", metavar="NAME", help="Column of a table with paths of pictures, which must be in its folder."
)
@click.option(
    "--id-column",
    metavar="NAME",
    help="Column of a table that identifies its rows, even when they move; by default the row number.",
)
@click.option(
    "--forget-missing",
    is_flag=True,
    help="Also remove photos of folders that are empty now or whose disk is not mounted; by default they are kept.",
)
@click.option(
    "--files-from",
    metavar="FILE",
    help="Also index the files that FILE lists, one a line or separated by null bytes; - reads standard input.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing, and only report what would be done.")
@json_option
@encoder_option
@precision_option
@settings_options(
    "library", "device", "trust_encoder", "batch_size", "workers", "max_pixels", "max_bytes", "timeout", "wait"
)
@parts_options
def command(
    paths: tuple[Path, ...],
    exclude: tuple[str, ...],
    include_hidden: bool | None,
    text_columns: tuple[str, ...],
    image_column: str | None,
    id_column: str | None,
    forget_missing: bool,
    files_from: str | None,
    dry_run: bool,
    as_json: bool,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
) -> None:
    """Index folders, photos, texts and tables; without PATHS, update everything that was indexed before.

    In folders, photos and texts (.txt, .md) are indexed. A table is indexed when you name it: each row is one item,
    with its text, its picture, or both.

    New and changed files are encoded. Moved files keep their embeddings. Deleted files leave the library, except those
    of a folder that is empty now: its disk may be away. You can stop with Ctrl-C at any time: the next run continues.

    \b
    recall index ~/Pictures
    recall index ~/Pictures --exclude "*.png" --exclude "Screenshots"
    recall index s3://bucket/photos
    recall index captions.csv --text-column caption --image-column image
    find ~/Pictures -newer last-run -print0 | recall index --files-from -
    recall index /mnt/photos --into /mnt/parts --part 7/64
    """
    targets = paths if files_from is None else (*paths, *read_paths(files_from))
    _check_paths(targets)
    if files_from is not None and not targets:  # nothing, and not everything
        _print_report(SyncReport(is_dry_run=dry_run), as_json=as_json)
        return
    with ExitStack() as stack:
        settings = _with_temporary_library(settings, stack) if dry_run and targets else settings
        opened = open_library(settings, create=bool(targets), encoder=encoder, precision=precision)
        report = stack.enter_context(opened).sync(
            *targets,
            exclude=exclude or None,
            include_hidden=include_hidden,
            text_columns=text_columns,
            image_column=image_column,
            id_column=id_column,
            forget_missing=forget_missing,
            dry_run=dry_run,
            progress=stack.enter_context(ProgressLine()),
        )
    _print_report(report, as_json=as_json)
    if report.failed or report.unreadable_folders or report.missing_folders or report.unread_sidecars:
        leave(ExitCode.SOME_FAILED)


def _with_temporary_library(settings: Settings, stack: ExitStack) -> Settings:
    """Return the settings; if there is no library yet, with one that is deleted again, so that a dry run makes none."""
    from indexer.catalog.database import exists  # late: --help needs no database library

    if exists(settings.library):
        return settings
    return replace(settings, library=Path(stack.enter_context(TemporaryDirectory())) / "new.recall")


def _check_paths(paths: tuple[Path, ...]) -> None:
    """Refuse paths none of which exists, before a library is made for them."""
    from indexer.sync.scan_rules import resolve_path  # late: it loads the picture library, which no help text needs

    if paths and not any(map(os.path.lexists, paths)):
        resolve_path(paths[0])


def _print_report(report: SyncReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_dict())
    else:
        _print_summary(report)


def _print_summary(report: SyncReport) -> None:
    if report.is_dry_run:
        click.echo(f"{report.summary}; this was a dry run, nothing was changed")
    else:
        click.echo(f"{report.summary} in {report.total_seconds:.1f} seconds")
    if report.reencoded or report.approximate:
        rest = f"; {report.approximate:,} are still approximate" if report.approximate else ""
        click.echo(f"{plural(report.reencoded, 'approximate embedding')} re-encoded{rest}")
    if report.index_choice:
        click.echo(f"a new index was chosen: {describe(report.index_choice.measurements[0])}")
    if report.bottleneck:
        stage, share = report.bottleneck
        note(f"{stage} was the bottleneck ({share:.0%} of the time)")
    for ending, number in report.passed_over.items():
        name = f"ending in {ending}" if ending else "without an ending"
        advice = "give it a photo's ending, such as .jpg, to index it"
        note(f"passed over {plural(number, 'file')} {name}, at least one of which holds a picture; {advice}")
    rest = "recall status --failed"
    print_failures("not re-encoded", [(failure.location, failure.message) for failure in report.not_reencoded], rest)
    print_failures("not listed", [(folder, "cannot be read") for folder in report.unreadable_folders], rest)
    if report.unread_sidecars:
        count = plural(len(report.unread_sidecars), "sidecar")
        how_many = f"{count} or more" if len(report.unread_sidecars) == MAX_LISTED else count
        print_failures("not read", [(how_many, f"{report.unread_sidecars[0].message}; run: {rest}")], rest)
    print_failures("missing", [(folder.path, _missing(folder)) for folder in report.missing_folders], "--json")
    print_failures("failed", [(failure.location, failure.message) for failure in report.failures], rest)


def _missing(folder: MissingFolder) -> str:
    """Return why a folder's items are kept, and what to do if they were deleted."""
    command = shlex.join(["recall", "forget", folder.path])
    items = plural(folder.items, "item")
    return f"{folder.reason}; the library keeps its {items}. If they were deleted, run: {command}"
