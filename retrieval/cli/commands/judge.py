"""`recall judge`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from retrieval.cli.last_search import read_last
from retrieval.cli.messages import note
from retrieval.cli.options import FilePath, count_option, open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.query_args import typed_query
from retrieval.cli.text import visible

if TYPE_CHECKING:
    from retrieval.library import Library
    from retrieval.query.query import Query
    from retrieval.search.hits import Hit

SECTION = "Learn"

_ANSWERS = {"y": True, "yes": True, "n": False, "no": False}


@click.command("judge", short_help="Judge which results are good, for recall tune.")
@click.argument("query", nargs=-1)
@click.option("--good", multiple=True, type=FilePath(), help="A photo that answers the query; may be repeated.")
@click.option("--bad", multiple=True, type=FilePath(), help="A photo that does not; may be repeated.")
@count_option
@json_option
@settings_options("library", "device", "trust_encoder", "wait")
def command(
    query: tuple[str, ...],
    good: tuple[Path, ...],
    bad: tuple[Path, ...],
    k: int,
    as_json: bool,
    settings: Settings,
) -> None:
    """Judge which results of QUERY are good; without QUERY, those of your last search.

    Asks about one result after the other: y for good, n for bad, s or Enter to skip, q to quit. Each answer is stored
    at once. With --good or --bad, asks nothing.

    \b
    recall judge "my dog"
    recall judge "my dog" --good biscuit.jpg --bad fox.jpg
    """
    with open_library(settings) as library:
        parsed = typed_query(query or read_last(library.path))
        if good or bad:
            report = library.judge(parsed, good=good, bad=bad)
            counts = report.good, report.bad
        else:
            counts = _ask(library, parsed, k)
    if as_json:
        print_json({"good": counts[0], "bad": counts[1]})
    else:
        note(f"judged {counts[0]} good and {counts[1]} bad; see: recall feedback list, recall tune")


def _ask(library: Library, query: Query, k: int) -> tuple[int, int]:
    """Ask about one hit after the other, store each answer at once, and return how many were good and bad."""
    hits = library.search(query, k=k)
    impression = None
    counts = {True: 0, False: 0}
    for number, hit in enumerate(hits, start=1):
        answer = _answer(hit, number, len(hits))
        if answer is None:
            break
        if answer not in _ANSWERS:
            continue
        if impression is None:
            impression = library.show(query, hits)
        is_good = _ANSWERS[answer]
        library.judge(query, good=[hit] if is_good else [], bad=[] if is_good else [hit], shown=impression)
        counts[is_good] += 1
    return counts[True], counts[False]


def _answer(hit: Hit, number: int, total: int) -> str | None:
    """Return what was typed about a hit; None at the end of the input, or after q."""
    match = "" if hit.probability is None else f"{hit.probability:.0%} "
    while True:
        click.echo(f"{number}/{total}  {match}{visible(str(hit.path))}", err=True)
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
