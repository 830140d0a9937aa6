"""`recall learn`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexer.config import Settings
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.messages import print_failures
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.text import plural, visible

if TYPE_CHECKING:
    from retrieval.query.private_words import LearnReport

SECTION = "Learn"


@click.command("learn", short_help="Teach the library a private word by photos of it.")
@click.argument("word")
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=FilePath())
@json_option
@settings_options("library", "device", "trust_encoder", "max_pixels", "max_bytes", "wait")
def command(word: str, photos: tuple[Path, ...], as_json: bool, settings: Settings) -> None:
    """Teach the library a private word by photos of it; you can then search for the word.

    The library stores reduced copies of the photos, so you may move or delete them. Photos of a word that the library
    has already are further examples.

    \b
    recall learn Biscuit dog1.jpg dog2.jpg dog3.jpg
    recall search "Biscuit in the snow"
    """
    with open_library(settings) as library:
        report = library.learn(word, photos)
    if as_json:
        print_json(_as_json(report))
    else:
        repeated = f", {report.repeated:,} already known" if report.repeated else ""
        examples = plural(report.examples, "example")
        click.echo(f"{visible(report.word)}: {report.added:,} added{repeated}; {examples} in total")
        print_failures("failed", [(str(path), reason) for path, reason in report.failures], "see --json")
    if report.failures:
        leave(ExitCode.SOME_FAILED)


def _as_json(report: LearnReport) -> dict[str, Any]:
    """Return a report as values that JSON can hold."""
    return {
        "word": report.word,
        "added": report.added,
        "repeated": report.repeated,
        "examples": report.examples,
        "failures": [{"path": str(path), "message": reason} for path, reason in report.failures],
    }
