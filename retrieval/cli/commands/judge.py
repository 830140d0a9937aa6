"""`recall judge`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from retrieval.cli.last_search import read_last
from retrieval.cli.options import FilePath, count_option, open_library, settings_options
from retrieval.cli.output import visible
from retrieval.cli.query_args import typed_query

if TYPE_CHECKING:
    from retrieval.library import Library
    from retrieval.query.query import Query
    from retrieval.search.hits import Hit

SECTION = "Learn"

ANSWERS = {"y": True, "yes": True, "n": False, "no": False}


@click.command("judge", short_help="Say which hits are right, to learn from.")
@click.argument("query", nargs=-1)
@click.option("--good", multiple=True, type=FilePath(), help="A photo that answers the query; may be given often.")
@click.option("--bad", multiple=True, type=FilePath(), help="A photo that does not; may be given often.")
@count_option
@settings_options("library", "device")
def command(query: tuple[str, ...], good: tuple[Path, ...], bad: tuple[Path, ...], k: int, settings: Settings) -> None:
    """Say which hits of QUERY are right; without QUERY, those of your last search.

    One hit after the other is asked about: y for good, n for bad, s or Enter to skip, q to end. Each answer is kept at
    once. With --good or --bad nothing is asked.

    \b
    recall judge "my dog"
    recall judge "my dog" --good biscuit.jpg --bad fox.jpg
    """
    with open_library(settings) as library:
        asked = typed_query(query or read_last(library.path))
        if good or bad:
            report = library.judge(asked, good=good, bad=bad)
            told = report.good, report.bad
        else:
            told = _ask(library, asked, k)
    click.echo(f"judged {told[0]} good and {told[1]} bad; see: recall feedback list, recall tune", err=True)


def _ask(library: Library, query: Query, k: int) -> tuple[int, int]:
    """Ask about one hit after the other, keep each answer at once, and return how many were good and bad."""
    hits = library.search(query, k=k)
    showing = None
    told = {True: 0, False: 0}
    for number, hit in enumerate(hits, start=1):
        answer = _answer(hit, number, len(hits))
        if answer is None:
            break
        if answer not in ANSWERS:
            continue
        if showing is None:
            showing = library.show(query, hits)
        verdict = ANSWERS[answer]
        library.judge(query, good=[hit] if verdict else [], bad=[] if verdict else [hit], shown=showing)
        told[verdict] += 1
    return told[True], told[False]


def _answer(hit: Hit, number: int, total: int) -> str | None:
    """Return what was typed about a hit; None at the end of the input, or after q."""
    likely = "" if hit.probability is None else f"{hit.probability:.0%} "
    while True:
        click.echo(f"{number}/{total}  {likely}{visible(str(hit.path))}", err=True)
        click.echo("good? [y/n, s skips, q ends] ", nl=False, err=True)
        line = sys.stdin.readline()
        answer = line.strip().lower()
        if not line or answer in ("q", "quit"):
            if not line:
                click.echo(err=True)
            return None
        if answer in (*ANSWERS, "s", "skip", ""):
            return answer
        click.echo(f"recall: {visible(answer)} is no answer; type y, n, s or q", err=True)
