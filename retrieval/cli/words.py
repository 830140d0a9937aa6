"""`recall learn` and `recall words`."""

from __future__ import annotations

from pathlib import Path

import click

from indexer.config import Settings
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json, print_table, visible

SOME_FAILED = 3
"""Exit code where some photos could not be read."""


@click.command("learn", short_help="Teach the library a word by photos of it.")
@click.argument("word")
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=FilePath())
@settings_options("library", "device", "max_pixels", "max_bytes")
def learn_command(word: str, photos: tuple[Path, ...], settings: Settings) -> None:
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


@click.group("words", short_help="List or forget the words that were learnt.")
def words_command() -> None:
    """List or forget the words that the library was taught with `recall learn`.

    \b
    recall words list
    recall words forget Biscuit
    """


@words_command.command("list")
@json_option
@settings_options("library")
def list_command(as_json: bool, settings: Settings) -> None:
    """List the words, and how many examples each has.

    \b
    recall words list
    """
    with open_library(settings) as library:
        words = library.words()
    if as_json:
        for word in words:
            examples = [str(path) for path in word.examples]
            print_json({"word": word.word, "examples": examples, "added_at": word.added_at.isoformat()})
    elif words:
        rows = ((word.word, str(len(word.examples)), word.added_at.date().isoformat()) for word in words)
        print_table(("word", "examples", "added"), rows)
    else:
        click.echo("no words yet; run: recall learn WORD PHOTO...", err=True)


@words_command.command("forget")
@click.argument("word")
@settings_options("library")
def forget_command(word: str, settings: Settings) -> None:
    """Forget a word with its examples.

    \b
    recall words forget Biscuit
    """
    with open_library(settings) as library:
        library.forget_word(word)
    click.echo(f"{visible(word)} is forgotten; no file was touched")
