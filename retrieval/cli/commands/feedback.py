"""`recall feedback`."""

from __future__ import annotations

from pathlib import Path

import click

from indexer.config import Settings
from retrieval.cli.options import FilePath, open_library, settings_options
from retrieval.cli.output import json_option, print_json, print_table

SECTION = "Learn"


@click.group("feedback")
def command() -> None:
    """List, move and forget what you judged.

    \b
    recall feedback list
    recall feedback export judged.jsonl
    """


@command.command("list")
@json_option
@settings_options("library")
def list_command(as_json: bool, settings: Settings) -> None:
    """List all judgements, oldest first."""
    from retrieval.feedback.import_export import judgement_record
    from retrieval.feedback.stored_query import query_name  # late: --help needs no database library

    with open_library(settings) as library:
        found = library.judgements()
    if as_json:
        for each in found:
            print_json(judgement_record(each))
        return
    if not found:
        click.echo("nothing was judged yet; run: recall judge QUERY", err=True)
        return
    rows = [
        (
            query_name(each.parts),
            "good" if each.is_good else "bad",
            "" if each.position is None else str(each.position),
            f"{each.judged_at:%Y-%m-%d %H:%M}",
            each.path.replace("\0", " row "),
        )
        for each in found
    ]
    print_table(("query", "verdict", "place", "judged (UTC)", "file"), rows)
    click.echo(f"---- {len(found)} judgements of {len({each.query_id for each in found})} queries", err=True)


@command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@settings_options("library")
def export_command(file: str, settings: Settings) -> None:
    """Write all judgements into FILE as JSON lines, or as CSV where it ends in .csv; "-" is standard output."""
    with open_library(settings) as library, click.open_file(file, "w", encoding="utf-8", atomic=file != "-") as stream:
        count = library.export_judgements(stream, as_csv=file.lower().endswith(".csv"))
    click.echo(f"{count} judgements were written", err=True)


@command.command("import")
@click.argument("file", type=FilePath(dir_okay=False))
@settings_options("library")
def import_command(file: Path, settings: Settings) -> None:
    """Bring in judgements from FILE: JSON lines, or CSV with the columns query, path and verdict."""
    with open_library(settings) as library:
        report = library.import_judgements(file)
    click.echo(
        f"{report.added} judgements were added, {report.existing} were known, {len(report.rejected)} lines could not "
        f"be read; {report.missing} are about files that are not in the library"
    )
    if report.rejected:
        click.get_current_context().exit(3)


@command.command("forget")
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
