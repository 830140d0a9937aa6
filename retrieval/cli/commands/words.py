"""`recall words`."""

from __future__ import annotations

import click

from indexer.config import Settings
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json, print_table, visible

SECTION = "Learn"


@click.group("words", short_help="List or forget the words that were learnt.")
def command() -> None:
    """List or forget the words that the library was taught with `recall learn`.

    \b
    recall words list
    recall words forget Biscuit
    """


@command.command("list")
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


@command.command("forget")
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
