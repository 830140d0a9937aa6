"""`recall import`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.database_url import DatabaseUrl
from indexer.errors import EncoderError, MissingPackageError, TransferError
from indexer.transfer import check_format
from indexer.transfer.importers import import_formats, load_importer
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.messages import note
from retrieval.cli.options import PlacePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.progress import ProgressLine
from retrieval.cli.text import plural

if TYPE_CHECKING:
    from indexer.transfer.report import ImportReport

SECTION = "Library"


class _FormatOption(click.Option):
    """An option whose help names every format; it is composed when it is shown, because it looks for packages."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option and its help."""
        formats = (f"{entry.name}: {entry.help}." for entry in import_formats())
        self.help = "\n\n".join(("Format of FOLDER; without it, one of the first two is detected.", *formats))
        return super().get_help_record(ctx)


@click.command("import", short_help="Import what recall export or clip-retrieval wrote.")
@click.argument("folder", type=PlacePath())
@click.option("--format", "format_name", cls=_FormatOption, metavar="NAME")
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="OLD=NEW",
    help="Photos that were in folder OLD are in NEW on this machine; may be repeated. NEW alone is the folder that "
    "relative paths start from.",
)
@click.option(
    "--encoder",
    metavar="NAME",
    help="The encoder that made the embeddings; files of clip-retrieval do not name it. See recall encoder available.",
)
@click.option("--replace", is_flag=True, help="Replace items that the library has at the same path.")
@json_option
@settings_options("library", "device", "wait")
def command(
    folder: Path | str,
    format_name: str | None,
    roots: tuple[str, ...],
    encoder: str | None,
    replace: bool,
    as_json: bool,
    settings: Settings,
) -> None:
    """Import the items of an export in FOLDER; the photos need not be on this machine.

    FOLDER may also be a place with the parts that recall index --into wrote: those that are complete are imported.

    Installed packages can add formats, which --format names.

    You can stop with Ctrl-C at any time: the next run continues.

    \b
    recall import backup
    recall import backup --root /home/ann/Pictures=/mnt/photos
    recall import embeddings --encoder ViT-B-32/laion2b_s34b_b79k
    recall import s3://bucket/parts
    """
    pairs = _pairs(roots)
    is_own = _check(folder, format_name)  # refuses it before a library is made
    made = (
        _new_library(settings.library) if is_own else nullcontext()
    )  # importers of packages commit what they can read
    with made, open_library(settings, create=True) as library, ProgressLine() as progress:
        report = library.import_(
            folder, format=format_name, roots=pairs, encoder=encoder, replace=replace, progress=progress
        )
    if as_json:
        print_json(asdict(report))
    else:
        _print_summary(report)
    if report.failed or report.incomplete:
        leave(ExitCode.SOME_FAILED)


def _check(folder: Path | str, format_name: str | None) -> bool:
    """Return whether Recall itself imports a folder; raise TransferError if nothing can."""
    if format_name is not None and load_importer(format_name) is not None:
        return False
    if isinstance(folder, Path):
        check_format(folder, format_name)
    return True


@contextmanager
def _new_library(place: Path | DatabaseUrl) -> Iterator[None]:
    """Delete a folder that was made for an import which is then refused; what is on a server stays, empty."""
    is_new = isinstance(place, Path) and not place.exists()
    try:
        yield
    except (TransferError, EncoderError, MissingPackageError):
        if is_new and isinstance(place, Path) and not _has_items(place):
            shutil.rmtree(place, ignore_errors=True)
        raise


def _has_items(path: Path) -> bool:
    """Return whether parts before a refused one were imported."""
    from retrieval.library import Library  # late: --help needs no database library

    with Library.open(path, create=False, read_only=True) as library:
        return len(library) > 0


def _pairs(roots: tuple[str, ...]) -> dict[str, str]:
    """Return old and new folders; a value without = is the folder that relative paths start from."""
    pairs = [root.partition("=") if "=" in root else ("", "=", root) for root in roots]
    for root, (_, _, new) in zip(roots, pairs, strict=True):
        if not new:
            raise click.BadParameter(f"{root!r} does not name the new folder; expected OLD=NEW", param_hint="--root")
    if len({old for old, _, _ in pairs}) < len(pairs):
        raise click.BadParameter("the same folder is given twice", param_hint="--root")
    return {old: new for old, _, new in pairs}


def _print_summary(report: ImportReport) -> None:
    counts = {
        "added": report.added,
        "replaced": report.replaced,
        "already there": report.existing,
        "failed": report.failed,
    }
    summary = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number or name == "added")
    click.echo(f"{summary} in {report.total_seconds:.1f} seconds")
    learned = {"private word": report.words, "judgement": report.judgements, "adapter": report.versions}
    if any(learned.values()):
        note(f"also added: {', '.join(plural(number, noun) for noun, number in learned.items() if number)}")
    if report.normalized:
        note(f"{plural(report.normalized, 'embedding')} scaled to unit length")
    for root in report.sources:
        note(f"source {root}")
    if report.incomplete:
        note(f"{plural(report.incomplete, 'part')} not complete and left out; import again when they are written")
    if report.failed:
        note("those that failed: recall status --failed")
