"""`recall add`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.messages import print_failures
from retrieval.cli.options import encoder_option, open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.progress import ProgressLine

if TYPE_CHECKING:
    from indexer.adding import OnConflict
    from indexer.images import Keep
    from retrieval.cli.add_lines import LineReport

SECTION = "Index"


@click.command("add", short_help="Add items that have no file: JSON lines.")
@click.argument("file", metavar="FILE|-")
@click.option("--id-column", metavar="KEY", default="id", show_default=True, help="Key of the item's id.")
@click.option("--text-column", metavar="KEY", default="text", show_default=True, help="Key of its text.")
@click.option(
    "--picture-column",
    metavar="KEY",
    default="picture",
    show_default=True,
    help="Key of its picture: a path, relative to FILE's folder, or the bytes of a file in base64.",
)
@click.option(
    "--vector-column", metavar="KEY", default="vector", show_default=True, help="Key of its vector of the encoder."
)
@click.option("--uri-column", metavar="KEY", default="uri", show_default=True, help="Key of where it is from.")
@click.option(
    "--collection", metavar="NAME", default="default", show_default=True, help="The collection that the items go to."
)
@click.option(
    "--on-conflict",
    type=click.Choice(["replace", "skip", "error"]),
    default="replace",
    show_default=True,
    help="What becomes of an item whose id the collection has.",
)
@click.option(
    "--keep",
    type=click.Choice(["preview", "original", "nothing"]),
    default="preview",
    show_default=True,
    help="What is stored of a picture.",
)
@json_option
@encoder_option
@settings_options("library", "device", "workers", "wait")
def command(
    file: str,
    id_column: str,
    text_column: str,
    picture_column: str,
    vector_column: str,
    uri_column: str,
    collection: str,
    on_conflict: OnConflict,
    keep: Keep,
    as_json: bool,
    encoder: str | None,
    settings: Settings,
) -> None:
    """Add the items in FILE, a JSON object on each line; - reads standard input.

    An item has a picture, a text, a vector of the library's encoder, or several of them. Its id is by default the hash
    of its content. All other keys are its metadata, for --meta: texts, numbers, true, false, null and lists of texts.
    Lines that cannot be used are reported, and the others are added.

    \b
    recall add products.jsonl --id-column sku --text-column name
    echo '{"id": "mug", "text": "a cup of coffee", "price": 8}' | recall add -
    recall search "something to drink" --meta "price<10"
    """
    from retrieval.cli.add_lines import add_lines  # late: --help needs nothing that reads items
    from retrieval.cli.item_lines import Columns, ItemLines

    lines = ItemLines(file, Columns(id_column, text_column, picture_column, vector_column, uri_column))
    lines.check()
    with open_library(settings, create=True, encoder=encoder) as library, ProgressLine() as progress:
        report = add_lines(library, lines, collection=collection, on_conflict=on_conflict, keep=keep, progress=progress)
    print_json(report.to_dict()) if as_json else click.echo(_summary(report))
    print_failures("failed", [(f"line {each.line}", each.message) for each in report.failures], "--json lists them all")
    if report.failures:
        leave(ExitCode.SOME_FAILED)


def _summary(report: LineReport) -> str:
    """Return one line about what was done."""
    counts = {
        "added": report.added,
        "replaced": report.replaced,
        "unchanged": report.unchanged,
        "failed": len(report.failures),
    }
    numbers = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count or name == "added")
    return f"{numbers} in {report.seconds:.1f} seconds"
