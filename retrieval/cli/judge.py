"""`recall judge` and `recall feedback`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from retrieval.cli.last_search import read_last
from retrieval.cli.options import FilePath, count_option, open_library, settings_options
from retrieval.cli.output import json_option, print_json, print_table, visible
from retrieval.cli.query_args import typed_query

if TYPE_CHECKING:
    from retrieval.library import Library
    from retrieval.query.query import Query
    from retrieval.search.hits import Hit

ANSWERS = {"y": True, "yes": True, "n": False, "no": False}


@click.command("judge", short_help="Say which hits are right, to learn from.")
@click.argument("query", nargs=-1)
@click.option("--good", multiple=True, type=FilePath(), help="A photo that answers the query; may be given often.")
@click.option("--bad", multiple=True, type=FilePath(), help="A photo that does not; may be given often.")
@count_option
@settings_options("library", "device")
def judge_command(
    query: tuple[str, ...], good: tuple[Path, ...], bad: tuple[Path, ...], k: int, settings: Settings
) -> None:
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


@click.group("feedback")
def feedback_command() -> None:
    """List, move and forget what you judged.

    \b
    recall feedback list
    recall feedback export judged.jsonl
    """


@feedback_command.command("list")
@json_option
@settings_options("library")
def list_command(as_json: bool, settings: Settings) -> None:
    """List all judgements, oldest first."""
    from retrieval.feedback.import_export import as_record
    from retrieval.feedback.stored_query import name_of  # late: --help needs no database library

    with open_library(settings) as library:
        found = library.judgements()
    if as_json:
        for each in found:
            print_json(as_record(each))
        return
    if not found:
        click.echo("nothing was judged yet; run: recall judge QUERY", err=True)
        return
    rows = [
        (
            name_of(each.parts),
            "good" if each.is_good else "bad",
            "" if each.position is None else str(each.position),
            f"{each.judged_at:%Y-%m-%d %H:%M}",
            each.path.replace("\0", " row "),
        )
        for each in found
    ]
    print_table(("query", "verdict", "place", "judged (UTC)", "file"), rows)
    click.echo(f"---- {len(found)} judgements of {len({each.query_id for each in found})} queries", err=True)


@feedback_command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@settings_options("library")
def export_command(file: str, settings: Settings) -> None:
    """Write all judgements into FILE as JSON lines, or as CSV where it ends in .csv; "-" is standard output."""
    with open_library(settings) as library, click.open_file(file, "w", encoding="utf-8", atomic=file != "-") as stream:
        count = library.export_judgements(stream, as_csv=file.lower().endswith(".csv"))
    click.echo(f"{count} judgements were written", err=True)


@feedback_command.command("import")
@click.argument("file", type=FilePath(dir_okay=False))
@settings_options("library")
def import_command(file: Path, settings: Settings) -> None:
    """Bring in judgements from FILE: JSON lines, or CSV with the columns query, path and verdict."""
    with open_library(settings) as library:
        report = library.import_judgements(file)
    click.echo(
        f"{report.added} judgements were added, {report.known} were known, {len(report.refused)} lines could not be "
        f"read; {report.unknown} are about files that are not in the library"
    )
    if report.refused:
        click.get_current_context().exit(3)


@feedback_command.command("forget")
@click.option("--query", help="Forget what was judged for these words.")
@click.option("--path", type=FilePath(), help="Forget what was said of this file.")
@click.option("--all", "everything", is_flag=True, help="Forget everything that was judged.")
@settings_options("library")
def forget_command(query: str | None, path: Path | None, everything: bool, settings: Settings) -> None:
    """Delete judgements; what was learnt from them stays until recall rollback."""
    if everything == bool(query is not None or path is not None):
        raise click.UsageError("what to forget? Give --query, --path or --all")
    with open_library(settings) as library:
        count = library.forget_judgements(query=query, path=path)
    click.echo(f"{count} judgements were forgotten")
