"""`recall judge`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.errors import FeedbackError
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.hit_table import likely_hits
from retrieval.cli.item_place import place
from retrieval.cli.last_search import read_last
from retrieval.cli.messages import note, print_error
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.query_args import typed_query
from retrieval.cli.text import visible

if TYPE_CHECKING:
    from retrieval.library import Library
    from retrieval.query.query import Query
    from retrieval.search.hits import Hit, Hits

SECTION = "Learn"

_ANSWERS = {"y": True, "yes": True, "n": False, "no": False}


@click.command("judge", short_help="Judge which results are good, for recall tune.")
@click.argument("query", nargs=-1)
@click.option("--good", multiple=True, type=FilePath(), help="A photo that answers the query; may be repeated.")
@click.option("--bad", multiple=True, type=FilePath(), help="A photo that does not; may be repeated.")
@click.option(
    "-k", "-n", "--limit", "k", type=click.IntRange(min=1), metavar="N",
    help="Ask about so many results; by default 10 of QUERY, or all that your last search showed.",
)  # fmt: skip
@json_option
@settings_options("library", "device", "trust_encoder", "wait")
def command(
    query: tuple[str, ...],
    good: tuple[Path, ...],
    bad: tuple[Path, ...],
    k: int | None,
    as_json: bool,
    settings: Settings,
) -> None:
    """Judge which results of QUERY are good; without QUERY, those that your last search showed.

    Asks about one result after the other: y for good, n for bad, s or Enter to skip, q to quit. Each answer is stored
    at once. With --good or --bad, asks nothing.

    \b
    recall judge "my dog"
    recall judge "my dog" --good biscuit.jpg --bad fox.jpg
    """
    with open_library(settings) as library:
        target, shown = (typed_query(query), None) if query else read_last(library.path)
        if good or bad:
            report = library.judge(target, good=good, bad=bad, shown=shown or None)
            counts = _Counts(report.good, report.bad)
        else:
            counts = _ask(library, target, _find(library, target, k or 10) if shown is None else shown, k)
    if as_json:
        print_json({"good": counts.good, "bad": counts.bad})
    else:
        note(f"judged {counts.good} good and {counts.bad} bad; see: recall feedback list, recall tune")
    if counts.failed:
        leave(ExitCode.SOME_FAILED)


@dataclass(slots=True)
class _Counts:
    """How many hits were judged good, judged bad, and could not be judged."""

    good: int = 0
    bad: int = 0
    failed: int = 0


def _find(library: Library, query: Query, k: int) -> Hits:
    """Return the hits that a search for a query shows."""
    return likely_hits(library.search(query, k=k), None)


def _ask(library: Library, query: Query, hits: Hits, limit: int | None) -> _Counts:
    """Ask about one hit after the other, store each answer at once, and return the counts; exit with 1 without hits."""
    if not hits:
        note("recall: nothing was found, so there is nothing to judge; name photos with --good and --bad")
        leave(ExitCode.NOTHING_FOUND)
    impression = None
    counts = _Counts()
    asked = hits[:limit]
    for number, hit in enumerate(asked, start=1):
        answer = _answer(hit, number, len(asked))
        if answer is None:
            break
        if answer not in _ANSWERS:
            continue
        is_good = _ANSWERS[answer]
        if impression is None:
            impression = library.show(query, hits)
        try:
            library.judge(query, good=[hit] if is_good else [], bad=[] if is_good else [hit], shown=impression)
        except FeedbackError as error:  # the file has left the library since the search
            print_error(str(error))
            counts.failed += 1
            continue
        counts.good += is_good
        counts.bad += not is_good
    return counts


def _answer(hit: Hit, number: int, total: int) -> str | None:
    """Return what was typed about a hit; None at the end of the input, or after q."""
    match = "" if hit.probability is None else f"{hit.probability:.0%} "
    while True:
        click.echo(f"{number}/{total}  {match}{visible(place(hit))}", err=True)
        click.echo("good? [y/n, s skips, q quits] ", nl=False, err=True)
        line = sys.stdin.readline()
        answer = line.strip().lower()
        if not line or answer in ("q", "quit"):
            if not line:
                click.echo(err=True)
            return None
        if answer in (*_ANSWERS, "s", "skip", ""):
            return answer
        click.echo(f"recall: {visible(answer)} is not an answer; type y, n, s or q", err=True)
