"""`recall words`."""

from __future__ import annotations

import click

from indexer.config import Settings
from retrieval.cli.messages import note
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json, utc_text
from retrieval.cli.suggestions import SuggestingGroup
from retrieval.cli.table import Column, print_table
from retrieval.cli.text import visible

SECTION = "Learn"


@click.group("words", cls=SuggestingGroup, short_help="List or forget private words.")
def command() -> None:
    """List or forget the private words that the library learnt with `recall learn`.

    \b
    recall words list
    recall words forget Biscuit
    """


@command.command("list")
@json_option
@settings_options("library")
def list_command(as_json: bool, settings: Settings) -> None:
    """List the private words with the number of their examples.

    \b
    recall words list
    """
    with open_library(settings) as library:
        words = library.words()
    if as_json:
        for word in words:
            examples = [str(path) for path in word.examples]
            print_json({"word": word.word, "examples": examples, "added_at": utc_text(word.added_at)})
    elif words:
        rows = ((word.word, str(len(word.examples)), f"{word.added_at:%Y-%m-%d}") for word in words)
        print_table((Column("word", "wrap"), "examples", "added"), rows)
    else:
        note("no words yet; run: recall learn WORD PHOTO...")


@command.command("forget")
@click.argument("word")
@json_option
@settings_options("library", "wait")
def forget_command(word: str, as_json: bool, settings: Settings) -> None:
    """Forget a private word and its examples.

    \b
    recall words forget Biscuit
    """
    with open_library(settings) as library:
        library.forget_word(word)
    if as_json:
        print_json({"word": word})
    else:
        click.echo(f"{visible(word)} is forgotten; no file was touched")
