"""`recall duplicates`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.filter_options import filter_options
from retrieval.cli.messages import note, print_failures
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import OutputFormat, format_options, print_json, print_path
from retrieval.cli.progress import ProgressLine
from retrieval.cli.table import Cell, Column, print_table
from retrieval.cli.text import plural, size

if TYPE_CHECKING:
    from indexer.catalog.filters.expression import Filter
    from retrieval.duplicates.groups import DuplicateGroup, DuplicatePhoto, Duplicates

SECTION = "Search"


@click.command("duplicates", short_help="Group photos that show the same picture.")
@filter_options
@format_options
@settings_options("library", "workers", "max_pixels", "max_bytes", "timeout")
def command(where: Filter | None, output: OutputFormat, settings: Settings) -> None:
    """Group photos that show the same picture, and name the best of each group. Nothing is deleted.

    Copies, resizes, re-encodes, crops and rotations count as the same picture, and so do mirrored, bordered, retouched
    and labelled ones. Other shots of the same scene do not, nor do documents with different text, a RAW file and its
    JPEG, or two names of one file. The best photo has the most pixels, then the most metadata, then the most bytes; an
    enlarged or bordered copy is never the best. A file is better than an added item. --paths prints all files but the
    best.

    \b
    recall duplicates
    recall duplicates --folder ~/Pictures/2024 --json
    recall duplicates -0 | xargs -0 ls -l
    """
    with open_library(settings) as library, ProgressLine() as progress:
        duplicates = library.duplicates(where=where, progress=progress)
    _print_groups(duplicates.groups, output)
    _print_notes(duplicates)
    if duplicates.failures or not duplicates.groups:
        leave(ExitCode.SOME_FAILED if duplicates.failures else ExitCode.NOTHING_FOUND)


def _print_groups(groups: tuple[DuplicateGroup, ...], output: OutputFormat) -> None:
    if output == "json":
        for group in groups:
            print_json(group.to_dict())
    elif output == "table":
        rows = [
            (str(number), photo.how, _pixels(photo), size(photo.bytes), _photo(photo))
            for number, group in enumerate(groups, start=1)
            for photo in (group.best, *group.others)
        ]
        if rows:
            print_table(("group", Column("what", "wrap"), "pixels", "size", Column("photo", "middle")), rows)
    else:
        for group in groups:
            for photo in group.others:
                if photo.collection is None:  # an added item has no file to name
                    print_path(photo.path, output)


def _photo(photo: DuplicatePhoto) -> Cell:
    if photo.collection is None:
        return Cell(str(photo.path), photo.path)
    return Cell(f"{photo.path}: {photo.id}")


def _pixels(photo: DuplicatePhoto) -> str:
    return f"{photo.width} x {photo.height}"


def _print_notes(duplicates: Duplicates) -> None:
    """Print on stderr how many duplicates there are, and what could not be compared."""
    others = [photo for group in duplicates.groups for photo in group.others]
    if others:
        total = size(sum(photo.reclaimable_bytes for photo in others))
        groups = plural(len(duplicates.groups), "group")
        note(f"recall: {plural(len(others), 'duplicate')} in {groups}; {total} can be freed")
    else:
        note("recall: no duplicates found")
    failures = [(str(path), reason) for path, reason in duplicates.failures]
    print_failures("not compared", failures, "recall check names missing and changed files")
