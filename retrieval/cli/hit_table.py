"""How commands print hits: which of them, and where the list ends."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.output import Form, print_json, print_path, print_table, visible

if TYPE_CHECKING:
    from retrieval.search.hits import Hit, Hits

Command = Callable[..., None]

EXCERPT = 60
"""Characters of a piece of text in the table; JSON has all of it."""


def cut_options(command: Command) -> Command:
    """Add --threshold and --all to a command that prints hits, and hand it one `threshold`; None is the default one."""

    @functools.wraps(command)
    def call(*, threshold: float | None, show_all: bool, **arguments: Any) -> None:
        if show_all and threshold is not None:
            raise click.UsageError("--threshold and --all exclude each other; give one of them")
        command(threshold=0.0 if show_all else threshold, **arguments)

    options = (
        click.option(
            "--threshold",
            type=click.FloatRange(0, 1),
            metavar="P",
            help="Hide hits that are less probable than this, 0 to 1; by default 0.02.",
        ),
        click.option("--all", "show_all", is_flag=True, help="Show unlikely hits too."),
    )
    decorated: Command = call
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def print_likely(found: Hits, form: Form, *, threshold: float | None, expand: bool) -> None:
    """Print the hits that are probable enough, and on stderr what was hidden; exit with 1 where nothing is left.

    Args:
        found: All hits.
        form: How to print them.
        threshold: Hits below this probability are hidden; None takes the default.
        expand: Whether to print what a hit stands for behind it.
    """
    from retrieval.calibration import THRESHOLD  # late: --help does not need numpy

    likely = found.above(THRESHOLD if threshold is None else threshold)
    hidden = len(found) - len(likely)
    if found and not likely:
        best = max(found, key=lambda hit: hit.probability or 0.0)
        click.echo(
            f"recall: nothing like this was found; the best guess is {visible(str(best.path))} at "
            f"{best.probability or 0.0:.0%} (--all shows the tail)",
            err=True,
        )
        click.get_current_context().exit(1)
    print_hits([each for hit in likely for each in (hit.expanded() if expand else [hit])], form)
    if form == "table" and found.expected is not None and threshold != 0.0:
        click.echo(_end(found.expected, hidden), err=True)


def _end(expected: float, hidden: int) -> str:
    """Return the line under a table: what was hidden, and how many are right in all."""
    these = "one more below this line is" if hidden == 1 else f"{hidden} more below this line are"
    cut = f"{these} unlikely (--all shows {'it' if hidden == 1 else 'them'}); " if hidden else ""
    return f"---- {cut}expected matches in the library: about {expected:.1f}"


def print_hits(hits: Sequence[Hit], form: Form) -> None:
    """Print hits in one of the forms; exit with 1 where there are none."""
    if not hits:
        click.echo("recall: nothing found", err=True)
        click.get_current_context().exit(1)
    if form == "json":
        for hit in hits:
            print_json(hit.to_dict())
    elif form == "table":
        _print_table(hits)
    else:
        for hit in hits:
            print_path(hit.path, form)


def _print_table(hits: Sequence[Hit]) -> None:
    """Print the columns in which there is something."""
    texts = any(hit.kind == "text" for hit in hits)
    columns = {
        "likely": ["" if hit.probability is None else f"{hit.probability:.0%}" for hit in hits],
        "score": [f"{'~' if hit.approximate else ''}{hit.score:.3f}" for hit in hits],
        "photos": [str(hit.count) if hit.members else "" for hit in hits],
        "taken": [f"{hit.taken_at:%Y-%m-%d}" if hit.taken_at else "" for hit in hits],
        "file" if texts else "photo": [_place(hit) for hit in hits],
        "text": [_excerpt(hit) for hit in hits],
    }
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    print_table(tuple(shown), list(zip(*shown.values(), strict=True)))
    count = sum(hit.approximate for hit in hits)
    if count:
        click.echo(
            f"~ {count} of {len(hits)} found by vectors mapped from the former encoder; recall index makes them exact",
            err=True,
        )


def _place(hit: Hit) -> str:
    """Return where a hit is: of a table's row without a picture its id too."""
    return f"{hit.path} row {hit.row}" if hit.row is not None and hit.kind == "text" else str(hit.path)


def _excerpt(hit: Hit) -> str:
    """Return the beginning of a piece of text, nothing for a photo."""
    text = " ".join((hit.text or "").split()) if hit.kind == "text" else ""
    return text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1].rstrip()}…"
