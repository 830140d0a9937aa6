"""`recall browse`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.errors import ConfigError, QueryError
from retrieval.cli.hit_table import likely_hits, understood_as
from retrieval.cli.item_place import has_file, place
from retrieval.cli.nothing_found import why_nothing
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.preview import require_preview
from retrieval.cli.query_args import typed_query
from retrieval.cli.text import one_line, visible
from retrieval.query.parser import STDIN, parse_parts

if TYPE_CHECKING:
    from retrieval.library import Library
    from retrieval.search.hits import Hit
    from retrieval.terminal.browser.session import Found, Session

SECTION = "Search"

_HITS = 500
"""Hits that a search returns at most: 40 pages of a usual terminal."""


@click.command("browse", short_help="Look through results as pictures in the terminal.")
@click.argument("query", nargs=-1)
@settings_options("library", "device", "trust_encoder", "wait")
def command(query: tuple[str, ...], settings: Settings) -> None:
    """Look through the results of QUERY as a page of pictures in the terminal; without QUERY, asks for it.

    Arrows choose a picture, Enter shows it large, y and n judge it as a result, o opens it in the system's viewer, c
    copies its path, / searches for something else, ? shows all keys, q ends.

    \b
    recall browse "a dog"
    """
    require_preview("recall browse")
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        raise ConfigError("recall browse needs a terminal that can move its cursor; use recall search here")
    with open_library(settings) as library:
        _browse(library, " ".join(query))


def _browse(library: Library, text: str) -> None:
    """Run the program until it is ended."""
    from retrieval.terminal.browser.app import Browser  # late, as the next: only this command needs Textual
    from retrieval.terminal.graphics import detect_for_program

    Browser(browsing(library), detect_for_program(), text=text).run()


def browsing(library: Library) -> Session:
    """Return what the program asks of a library."""
    from retrieval.terminal.browser.session import Session  # late: --help needs no database library

    return Session(library, search=lambda typed: _search(library, typed), describe=_describe, clean=visible)


def _search(library: Library, text: str) -> Found:
    """Return the likely hits for what was typed, and what to say about them.

    Raises:
        RecallError: The query cannot be answered.
    """
    from retrieval.terminal.browser.session import Found  # late: --help needs no database library

    words = text.split()
    if any(part.name == STDIN for part in parse_parts(words)):
        raise QueryError("'-' is standard input, which is the keyboard here; describe the photo in words")
    query = typed_query(words)
    hits = library.search(query, k=_HITS)
    likely = likely_hits(hits, None)
    sentences = [*understood_as(hits.understood), "" if likely else why_nothing(hits)[1]]
    return Found(query, likely, "; ".join(filter(None, sentences)))


def _describe(hit: Hit) -> tuple[str, str]:
    """Return a hit's name with its match probability, and its date and folder, each in one line."""
    name, folder = (hit.path.name, str(hit.path.parent)) if has_file(hit) else (place(hit), "")
    match = "" if hit.probability is None else f" {hit.probability:.0%}"
    day = f"{hit.taken_at:%Y-%m-%d}" if hit.taken_at else ""
    return one_line(name + match), one_line(" · ".join(filter(None, (day, folder))))
