"""`recall duplicates`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from retrieval.cli.filter_options import filter_options
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import Form, form_options, print_json, print_path, print_table, size, visible
from retrieval.cli.progress import ProgressLine

if TYPE_CHECKING:
    from indexer.catalog.filters.expression import Filter
    from retrieval.duplicates.groups import DuplicateGroup, Duplicates

SECTION = "Search"

NOT_COMPARED = 3
"""Exit code: done, but some photos could not be compared."""

NAMED = 10
"""Failures that are named."""


@click.command("duplicates", short_help="Group photos that are one picture, and name the best of each group.")
@filter_options
@form_options
@settings_options("library", "workers", "max_pixels", "max_bytes", "timeout")
def command(where: Filter | None, form: Form, settings: Settings) -> None:
    """Group photos that are one picture, and name the best of each group. Nothing is deleted.

    One picture are copies, other sizes and formats, parts, and what was turned, mirrored, given a border, changed in
    tone or written over. Other moments of the same scene are not. The best has most pixels, then most bytes, then
    most metadata. --paths prints all but the best.

    \b
    recall duplicates
    recall duplicates --folder ~/Pictures/2024 --json
    recall duplicates -0 | xargs -0 ls -l
    """
    with open_library(settings) as library, ProgressLine() as progress:
        found = library.duplicates(where=where, progress=progress)
    _print_groups(found.groups, form)
    _print_notes(found)
    if found.failures or not found.groups:
        click.get_current_context().exit(NOT_COMPARED if found.failures else 1)


def _print_groups(groups: tuple[DuplicateGroup, ...], form: Form) -> None:
    if form == "json":
        for group in groups:
            print_json(group.to_dict())
    elif form == "table":
        rows = [
            (str(number), photo.how, f"{photo.width} x {photo.height}", size(photo.bytes), str(photo.path))
            for number, group in enumerate(groups, start=1)
            for photo in (group.best, *group.others)
        ]
        if rows:
            print_table(("group", "what", "pixels", "size", "photo"), rows)
    else:
        for group in groups:
            for photo in group.others:
                print_path(photo.path, form)


def _print_notes(found: Duplicates) -> None:
    """Print on stderr how much there is, and what could not be compared."""
    others = [photo for group in found.groups for photo in group.others]
    if others:
        total = size(sum(photo.bytes for photo in others))
        click.echo(f"recall: {len(others):,} photos beside the best of {len(found.groups):,} groups, {total}", err=True)
    else:
        click.echo("recall: no duplicates found", err=True)
    for path, reason in found.failures[:NAMED]:
        click.echo(f"not compared: {visible(str(path))}: {visible(reason)}", err=True)
    if len(found.failures) > NAMED:
        click.echo(f"and {len(found.failures) - NAMED:,} more; recall check names what is gone or changed", err=True)
