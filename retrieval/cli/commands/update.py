"""`recall update`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from indexer.config import Settings
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.messages import note, print_failures
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.text import plural

if TYPE_CHECKING:
    from retrieval.cli.item_lines import Line, LineFailure

SECTION = "Index"


@click.command("update", short_help="Change metadata and texts of added items.")
@click.argument("id_", metavar="ID|-")
@click.argument("values", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--text", metavar="TEXT", help="The new text of the item, which is encoded again.")
@click.option("--collection", metavar="NAME", help="The collection to look in; by default every one that has the item.")
@click.option("--id-column", metavar="KEY", default="id", show_default=True, help="For -: key of the id.")
@click.option("--text-column", metavar="KEY", default="text", show_default=True, help="For -: key of the text.")
@json_option
@settings_options("library", "device", "wait")
def command(
    id_: str,
    values: tuple[str, ...],
    text: str | None,
    collection: str | None,
    id_column: str,
    text_column: str,
    as_json: bool,
    settings: Settings,
) -> None:
    """Change the metadata of the added item ID, or its text; what is not named stays.

    A value is read as JSON where it is JSON (35, true, null, ["a", "b"], "35" for the text 35) and as text otherwise;
    null makes it unknown. With - in place of ID, each line of standard input is a JSON object with an id and what
    changes; lines that cannot be used are reported, and the others count.

    \b
    recall update mug price=9 sold=true
    recall update mug --text "a cup of tea"
    recall update - --collection shop < changes.jsonl
    """
    from retrieval.cli.update_lines import read_changes, update_lines  # late: --help needs nothing that reads items

    lines, failures = read_changes(id_, values, text, id_column=id_column, text_column=text_column)
    with open_library(settings) as library:
        updated, refused = update_lines(library, lines, collection=collection, is_single=id_ != "-")
    failures = sorted([*failures, *refused], key=lambda failure: failure.line)
    _report(updated, lines, failures, as_json=as_json)
    if failures:
        leave(ExitCode.SOME_FAILED)
    if not updated:
        leave(ExitCode.NOTHING_FOUND)


def _report(updated: int, lines: list[Line], failures: list[LineFailure], *, as_json: bool) -> None:
    """Print what was done."""
    if as_json:
        rows: list[dict[str, Any]] = [{"line": each.line, "id": each.id, "message": each.message} for each in failures]
        print_json({"updated": updated, "failed": len(failures), "failures": rows})
    else:
        click.echo(f"{plural(updated, 'item')} updated")
    if not updated and lines and not failures:
        note(f"recall: there is no added item {lines[0].id!r}" if len(lines) == 1 else "recall: no id is known")
    print_failures("failed", [(f"line {each.line}", each.message) for each in failures], "--json lists them all")
