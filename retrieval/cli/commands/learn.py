"""`recall learn`."""

from __future__ import annotations

from pathlib import Path

import click

from indexer.config import Settings
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import visible

SECTION = "Learn"

SOME_FAILED = 3
"""Exit code where some photos could not be read."""


@click.command("learn", short_help="Teach the library a word by photos of it.")
@click.argument("word")
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=FilePath())
@settings_options("library", "device", "max_pixels", "max_bytes")
def command(word: str, photos: tuple[Path, ...], settings: Settings) -> None:
    """Teach the library a word by photos of it; the word may then stand in any search.

    Reduced copies of the photos are kept in the library: they may be moved or deleted. For a word that is known they
    are further examples.

    \b
    recall learn Biscuit dog1.jpg dog2.jpg dog3.jpg
    recall search "Biscuit in the snow"
    """
    with open_library(settings) as library:
        report = library.learn(word, photos)
    known = f", {report.known:,} known already" if report.known else ""
    click.echo(f"{visible(report.word)}: {report.added:,} learnt{known}; {report.examples:,} examples")
    for path, reason in report.failures:
        click.echo(f"failed: {visible(str(path))}: {visible(reason)}", err=True)
    if report.failures:
        click.get_current_context().exit(SOME_FAILED)
