"""`recall status`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from indexer.config import Settings
from retrieval.cli.index_measurement import describe
from retrieval.cli.options import settings_options
from retrieval.cli.output import json_option, print_json, utc_text
from retrieval.cli.table import Column, print_fields, print_table
from retrieval.cli.text import plural, size

if TYPE_CHECKING:
    from indexer.catalog.statements.counts import Failure
    from indexer.catalog.statements.sources import Source
    from indexer.maintenance.status import Status

SECTION = "Library"


@click.command("status", short_help="Show what the library holds.")
@click.option(
    "--failed",
    is_flag=True,
    help="List every file that could not be indexed and every sidecar that could not be read, with the reason.",
)
@json_option
@settings_options("library")
def command(failed: bool, as_json: bool, settings: Settings) -> None:
    """Show what the library holds.

    \b
    recall status
    recall status --failed
    """
    from indexer.maintenance.status import read_failures, read_status  # late: --help does not need a database library
    from indexer.store import Store  # not `Library`, with which everything that searches is loaded

    with settings.active(), Store(settings.library, create=False) as store:
        if failed:
            _print_failures(read_failures(store), as_json=as_json)
            return
        status = read_status(store)
    if as_json:
        print_json(_as_json(status))
    else:
        print_fields(_fields(status))


def _print_failures(failures: list[Failure], *, as_json: bool) -> None:
    if as_json:
        for failure in failures:
            print_json(failure._asdict())
    elif failures:
        rows = [(failure.kind, failure.location, failure.message) for failure in failures]
        print_table(("reason", Column("file", "middle"), Column("message", "wrap")), rows)


def _as_json(status: Status) -> dict[str, Any]:
    """Return a status as values that JSON can hold."""
    chosen = status.choice
    return {
        "library": status.name,
        "photos": status.photos,
        "texts": status.texts,
        "failed": status.failed,
        "unread_sidecars": status.unread_sidecars,
        "encoder": status.encoder,
        "fingerprint": status.fingerprint,
        "dim": status.dim,
        "catalog_bytes": status.catalog_bytes,
        "index_bytes": status.index_bytes,
        "index": None if chosen is None else asdict(chosen.measurements[0]) | {"chosen_at": utc_text(chosen.chosen_at)},
        "collections": [{"name": name, "items": count} for name, count in status.collections.items()],
        "sources": [
            {
                "path": source.root,
                "synced_at": utc_text(source.synced_at),
                "exclude": source.exclude,
                "include_hidden": source.include_hidden,
                "columns": source.columns,
            }
            for source in status.sources
        ],
    }


def _fields(status: Status) -> Iterator[tuple[str, str]]:
    """Yield name and value of each line for people."""
    yield "library", status.name
    yield "photos", f"{status.photos:,}"
    yield "texts", f"{status.texts:,}"
    yield "failed", f"{status.failed:,}" + (" (see: recall status --failed)" if status.failed else "")
    if status.unread_sidecars:
        yield "sidecars", f"{status.unread_sidecars:,} could not be read (see: recall status --failed)"
    yield "encoder", (status.encoder or "none yet") + (f", {status.dim} dimensions" if status.dim else "")
    yield "disk", f"catalog {size(status.catalog_bytes)}, index {size(status.index_bytes)}"
    if status.choice:
        measured = status.choice.measurements[0]
        yield (
            "index",
            f"{describe(measured)} (chosen {status.choice.chosen_at:%Y-%m-%d %H:%M} UTC for {measured.vectors:,})",
        )
    for name, count in status.collections.items():
        yield "collection", f"{name} ({plural(count, 'item')})"
    for source in status.sources:
        yield "source", f"{source.root} ({_source(source)})"


def _source(source: Source) -> str:
    """Return when a source was synced and by which rules."""
    parts = [f"{source.synced_at:%Y-%m-%d %H:%M} UTC" if source.synced_at else "not finished yet"]
    if source.exclude:
        parts.append(f"without {', '.join(source.exclude)}")
    if source.include_hidden:
        parts.append("with hidden files")
    if source.columns:
        columns = source.columns
        named = [*(("text", name) for name in columns["text"]), ("image", columns["image"]), ("id", columns["id"])]
        parts += [f"{use} {name}" for use, name in named if name is not None]
    return ", ".join(parts)
