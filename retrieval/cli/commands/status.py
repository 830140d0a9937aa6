"""`recall status`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from indexer.config import Settings
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import in_words, json_option, print_json, print_table, size, visible

if TYPE_CHECKING:
    from indexer.vectors.measurements import IndexChoice

SECTION = "Library"


@click.command("status")
@click.option("--failed", is_flag=True, help="List every file that could not be indexed, with its reason.")
@json_option
@settings_options("library")
def command(failed: bool, as_json: bool, settings: Settings) -> None:
    """Show what the library holds.

    \b
    recall status
    recall status --failed
    """
    with open_library(settings) as library:
        if failed:
            failures = library.failures()
            if as_json:
                for failure in failures:
                    print_json(failure._asdict())
            elif failures:
                print_table(("reason", "file", "message"), [(f.kind, f.location, f.message) for f in failures])
            return
        status = library.status()
    values = {
        "library": str(status.path),
        "photos": status.photos,
        "texts": status.texts,
        "failed": status.failed,
        "encoder": status.encoder,
        "fingerprint": status.fingerprint,
        "dim": status.dim,
        "catalog_bytes": status.catalog_bytes,
        "index_bytes": status.index_bytes,
        "index": _index(status.choice),
        "sources": [
            {
                "path": source.root,
                "synced_at": source.synced_at.isoformat() if source.synced_at else None,
                "exclude": source.exclude,
                "include_hidden": source.include_hidden,
                "columns": source.columns,
            }
            for source in status.sources
        ],
    }
    if as_json:
        print_json(values)
        return
    click.echo(f"library  {visible(str(status.path))}")
    click.echo(f"photos   {status.photos:,}")
    click.echo(f"texts    {status.texts:,}")
    click.echo(f"failed   {status.failed:,}" + (" (recall status --failed lists them)" if status.failed else ""))
    click.echo(
        f"encoder  {visible(status.encoder or 'none yet')}" + (f", {status.dim} dimensions" if status.dim else "")
    )
    click.echo(f"disk     catalog {size(status.catalog_bytes)}, index {size(status.index_bytes)}")
    if status.choice:
        figures = status.choice.measurements[0]
        click.echo(
            f"index    {in_words(figures)} "
            f"(chosen {status.choice.chosen_at:%Y-%m-%d %H:%M} UTC for {figures.vectors:,})"
        )
    for source in status.sources:
        synced = f"{source.synced_at:%Y-%m-%d %H:%M} UTC" if source.synced_at else "not finished yet"
        rules = f", without {', '.join(source.exclude)}" if source.exclude else ""
        rules += ", with hidden" if source.include_hidden else ""
        rules += _columns(source.columns) if source.columns else ""
        click.echo(f"source   {visible(source.root)} ({synced}{visible(rules)})")


def _index(choice: IndexChoice | None) -> dict[str, Any] | None:
    """Return the index that was chosen, None where none was."""
    return None if choice is None else asdict(choice.measurements[0]) | {"chosen_at": choice.chosen_at.isoformat()}


def _columns(columns: dict[str, Any]) -> str:
    """Return which columns of a table are what, for people."""
    named = [*(("text", name) for name in columns["text"]), ("image", columns["image"]), ("id", columns["id"])]
    return "".join(f", {use} {name}" for use, name in named if name is not None)
