"""`recall feedback`."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.errors import FeedbackError
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.messages import note
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json, utc_text
from retrieval.cli.output_file import force_option, output_file
from retrieval.cli.suggestions import SuggestingGroup
from retrieval.cli.table import Column, print_table
from retrieval.cli.text import plural

if TYPE_CHECKING:
    from retrieval.feedback import JudgementImport

SECTION = "Learn"


@click.group("feedback", cls=SuggestingGroup, short_help="List, export, import and forget judgements.")
def command() -> None:
    """List, export, import and forget what you judged.

    \b
    recall feedback list
    recall feedback export judged.jsonl
    """


@command.command("list")
@json_option
@settings_options("library")
def list_command(as_json: bool, settings: Settings) -> None:
    """List all judgements, oldest first.

    \b
    recall feedback list
    """
    from retrieval.feedback.import_export import judgement_record
    from retrieval.feedback.stored_query import query_name  # late: --help needs no database library

    with open_library(settings) as library:
        judgements = library.judgements()
    if as_json:
        for judged in judgements:
            print_json(judgement_record(judged) | {"judged_at": utc_text(judged.judged_at)})
    elif judgements:
        rows = [
            (
                query_name(judged.parts),
                "good" if judged.is_good else "bad",
                "" if judged.position is None else str(judged.position),
                f"{judged.judged_at:%Y-%m-%d %H:%M}",
                _item(judged.path),
            )
            for judged in judgements
        ]
        print_table((Column("query", "wrap"), "verdict", "rank", "judged (UTC)", Column("file", "middle")), rows)
        queries = plural(len({judged.query_id for judged in judgements}), "query", "queries")
        note(f"---- {plural(len(judgements), 'judgement')} of {queries}")
    else:
        note("nothing was judged yet; run: recall judge QUERY")


def _item(path: str) -> str:
    """Return what names an item, given its path in the catalog: a table's row has an id, and an added item, too."""
    from indexer.types import collection_of  # late, as above

    return path.replace("\0", " row " if collection_of(path) is None else ": ")


@command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@force_option
@json_option
@settings_options("library")
def export_command(file: str, force: bool, as_json: bool, settings: Settings) -> None:
    """Write all judgements into FILE as JSON lines, or as CSV if it ends in .csv; "-" is standard output.

    \b
    recall feedback export judged.jsonl
    """
    if as_json and file == "-":
        raise click.UsageError("--json and FILE - both print to standard output; leave out --json, or name a file")
    with open_library(settings) as library, _writing(file, force=force) as stream:
        count = library.export_judgements(stream, as_csv=file.lower().endswith(".csv"))
    if as_json:
        print_json({"file": file, "judgements": count})
    else:
        note(f"{plural(count, 'judgement')} written")


def _writing(file: str, *, force: bool) -> AbstractContextManager[IO[str]]:
    """Open a file that is there when it is whole, and not before; "-" is standard output."""
    if file == "-":
        return nullcontext(sys.stdout)
    return output_file(Path(file), FeedbackError, force=force)


@command.command("import")
@click.argument("file", type=FilePath(dir_okay=False))
@json_option
@settings_options("library", "wait")
def import_command(file: Path, as_json: bool, settings: Settings) -> None:
    """Import judgements from FILE: JSON lines, or CSV with the columns query, path and verdict.

    \b
    recall feedback import judged.jsonl
    """
    with open_library(settings) as library:
        report = library.import_judgements(file)
    if as_json:
        print_json(asdict(report))
    else:
        click.echo(_summary(report))
    if report.rejected:
        leave(ExitCode.SOME_FAILED)


def _summary(report: JudgementImport) -> str:
    """Return what an import did, in sentences; nothing about what did not happen."""
    sentences = [f"{plural(report.added, 'judgement')} added."]
    if report.missing == 1:
        sentences.append("1 of them is of a file that is not in the library; it counts when the file is indexed.")
    elif report.missing:
        sentences.append(
            f"{report.missing:,} of them are of files that are not in the library; they count when these are indexed."
        )
    if report.existing:
        was = "was" if report.existing == 1 else "were"
        sentences.append(f"{plural(report.existing, 'judgement')} {was} in the library already.")
    if report.rejected:
        sentences.append(f"{plural(len(report.rejected), 'line')} cannot be used.")
    return " ".join(sentences)


@command.command("forget")
@click.option("--query", help="Forget the judgements of these words.")
@click.option("--path", type=FilePath(), help="Forget the judgements of this file, or of the added item with this id.")
@click.option("--all", "everything", is_flag=True, help="Forget all judgements.")
@json_option
@settings_options("library", "wait")
def forget_command(query: str | None, path: Path | None, everything: bool, as_json: bool, settings: Settings) -> None:
    """Delete judgements; what was learnt from them stays until recall rollback.

    \b
    recall feedback forget --query "my dog"
    """
    if everything == bool(query is not None or path is not None):
        raise click.UsageError("nothing to forget was named; give --query, --path or --all")
    with open_library(settings) as library:
        count = library.forget_judgements(query=query, path=path)
    if as_json:
        print_json({"forgotten": count})
    else:
        click.echo(f"{plural(count, 'judgement')} forgotten")
