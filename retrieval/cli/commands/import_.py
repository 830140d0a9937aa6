"""`recall import`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.transfer import detect_format
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json, visible
from retrieval.cli.progress import ProgressLine

if TYPE_CHECKING:
    from indexer.transfer.import_items import ImportReport

SECTION = "Library"

SOME_FAILED = 3
"""Exit code: done, but some items failed."""


@click.command("import", short_help="Bring in what recall export or clip-retrieval wrote.")
@click.argument("folder", type=FilePath())
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="OLD=NEW",
    help="Photos that lay in folder OLD lie in NEW on this machine; may be repeated. NEW alone is the folder that "
    "relative paths begin at.",
)
@click.option(
    "--encoder",
    metavar="NAME",
    help="The encoder that made the vectors, which clip-retrieval's files do not say; see recall encoders.",
)
@click.option("--replace", is_flag=True, help="Replace what the library has at the same path; by default it stays.")
@json_option
@settings_options("library", "device")
def command(
    folder: Path, roots: tuple[str, ...], encoder: str | None, replace: bool, as_json: bool, settings: Settings
) -> None:
    """Bring the items of an export in FOLDER into the library; the photos need not be on this machine.

    Stop it with Ctrl-C at any time: the next run goes on from there.

    \b
    recall import backup
    recall import backup --root /home/ann/Pictures=/mnt/photos
    recall import embeddings --encoder ViT-B-32/laion2b_s34b_b79k
    """
    pairs = _pairs(roots)
    detect_format(folder)  # refuses it before a library is made for nothing
    with open_library(settings, create=True) as library, ProgressLine() as progress:
        report = library.import_(folder, roots=pairs, encoder=encoder, replace=replace, progress=progress)
    if as_json:
        print_json(asdict(report))
    else:
        _print_summary(report)
    if report.failed:
        click.get_current_context().exit(SOME_FAILED)


def _pairs(roots: tuple[str, ...]) -> dict[str, str]:
    """Return folders there and here; what has no = is the folder that relative paths begin at."""
    pairs = [root.partition("=") if "=" in root else ("", "=", root) for root in roots]
    for root, (_, _, new) in zip(roots, pairs, strict=True):
        if not new:
            raise click.BadParameter(
                f"{root!r} does not say where the folder lies now; expected OLD=NEW", param_hint="--root"
            )
    if len({old for old, _, _ in pairs}) < len(pairs):
        raise click.BadParameter("the same folder is given twice", param_hint="--root")
    return {old: new for old, _, new in pairs}


def _print_summary(report: ImportReport) -> None:
    counts = {
        "added": report.added,
        "replaced": report.replaced,
        "known already": report.existing,
        "failed": report.failed,
    }
    said = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number or name == "added")
    click.echo(f"{said} in {report.total_seconds:.1f} seconds")
    if report.normalized:
        click.echo(f"{report.normalized:,} vectors were not of unit length and were scaled to it", err=True)
    for root in report.sources:
        click.echo(f"source {visible(root)}", err=True)
    if report.failed:
        click.echo("those that failed: recall status --failed", err=True)
