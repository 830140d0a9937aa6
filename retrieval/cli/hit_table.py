"""Hits as a table, JSON lines or paths, and where the list ends."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.item_place import has_file, place_cell, place_head
from retrieval.cli.item_table import excerpt
from retrieval.cli.messages import note
from retrieval.cli.nothing_found import explain_nothing, note_unknown_words
from retrieval.cli.output import OutputFormat, print_json, print_path
from retrieval.cli.picture_table import PictureColumn, print_rows
from retrieval.cli.table import Cell, Column
from retrieval.cli.text import plural

if TYPE_CHECKING:
    from retrieval.calibration.expected import Expected
    from retrieval.query.understanding.understood import Understood
    from retrieval.search.hits import Hit, Hits

Command = Callable[..., None]

_BANDS = ((0.8, "sure"), (0.4, "likely"), (0.05, "maybe"), (0.0, "unlikely"))
"""Words for probabilities, by the lowest that each is for; the last begins at the threshold."""

_PLACES = {"tag": "tags", "person": "people", "place": "places"}
"""Fields that have several entries."""


def threshold_options(command: Command) -> Command:
    """Add --threshold and --all, and hand the command one `threshold`; None means the default."""

    @functools.wraps(command)
    def call(*, threshold: float | None, show_all: bool, **arguments: Any) -> None:
        if show_all and threshold is not None:
            raise click.UsageError("--threshold and --all exclude each other; give one of them")
        command(threshold=0.0 if show_all else threshold, **arguments)

    threshold = click.option(
        "--threshold",
        type=click.FloatRange(0, 1),
        metavar="P",
        help="Hide hits whose match probability is lower, 0 to 1; by default 0.05, or a tenth of the best.",
    )
    return threshold(click.option("--all", "show_all", is_flag=True, help="Show unlikely hits too.")(call))


def likely_hits(hits: Hits, threshold: float | None) -> Hits:
    """Return the hits that are not hidden, because they are probable enough; None means the default threshold."""
    return hits.above(hits.cutoff if threshold is None else threshold)


def print_likely(
    hits: Hits,
    likely: Hits,
    output: OutputFormat,
    *,
    threshold: float | None,
    shown: Hits,
    pictures: PictureColumn | None,
) -> None:
    """Print the hits that are not hidden, and notes on stderr; exit with 1 if none is left.

    Args:
        hits: All hits.
        likely: Those that are not hidden.
        output: How to print them.
        threshold: Hits with a lower match probability are hidden; None means the default.
        shown: What is printed of the likely ones: they, or every photo of their bursts.
        pictures: Their pictures; None to print none.
    """
    hidden = len(hits) - len(likely)
    if not likely:
        explain_nothing(hits, output)
        leave(ExitCode.NOTHING_FOUND)
    print_hits(shown, output, understood=hits.understood, pictures=pictures)
    if output == "table" and hits.expected is not None and threshold != 0.0:
        note(_last_line(hits.expected, hidden))
    note_unknown_words(hits, output)


def _last_line(expected: Expected, hidden: int) -> str:
    """Return the line under a table: how many hits are hidden, and how many match in the whole library."""
    it = "it" if hidden == 1 else "them"
    rest = f"{plural(hidden, 'unlikely hit')} hidden (--all shows {it}); " if hidden else ""
    return f"---- {rest}{_about(expected)}"


def _about(expected: Expected) -> str:
    """Return how many match in the whole library, for people: in round numbers."""
    number, low, high = (_rounded(value) for value in expected)
    if number == "0":
        return f"expected matches in the library: about 0 (up to {high})"
    return f"expected matches in the library: about {number} ({low} to {high})"


def _rounded(value: float) -> str:
    """Return a number with two digits that count."""
    digits = max(len(str(round(value))) - 2, 0)
    return f"{round(value, -digits):.0f}"


def print_understood(understood: Understood | None) -> None:
    """Print on stderr what a query was understood as, and which words no photo fits."""
    unmatched, filters = understood_as(understood)
    if unmatched:
        note(f"recall: {unmatched}")
    if filters:
        note(f"recall: {filters} (--literal searches for these words)")


def understood_as(understood: Understood | None) -> tuple[str, str]:
    """Return which words no photo fits, and what a query was understood as, as sentences; "" for none."""
    if understood is None:
        return "", ""
    words = ", ".join(understood.unmatched)
    unmatched = f"the library has nothing {words}; searching for these words as they are" if words else ""
    return unmatched, f"understood as: {understood}" if understood.filters or understood.excluded else ""


def print_hits(
    hits: Sequence[Hit],
    output: OutputFormat,
    *,
    understood: Understood | None = None,
    pictures: PictureColumn | None = None,
) -> None:
    """Print hits; exit with 1 if there are none.

    Args:
        hits: The hits.
        output: How to print them.
        understood: What the query was understood as; JSON has it in each line.
        pictures: Their pictures, for a table; None to print none.
    """
    if not hits:
        note("recall: nothing found")
        leave(ExitCode.NOTHING_FOUND)
    if output == "json":
        for hit in hits:
            print_json(hit.to_dict() | ({"understood": understood.to_dict()} if understood else {}))
    elif output == "table":
        _print_table(hits, pictures)
    else:
        files = [hit for hit in hits if has_file(hit)]
        for hit in files:
            print_path(hit.path, output)
        if len(files) < len(hits):
            note(f"recall: {plural(len(hits) - len(files), 'hit')} without a file left out; --json shows them")


def _print_table(hits: Sequence[Hit], pictures: PictureColumn | None) -> None:
    columns: dict[Column, Sequence[str | Cell]] = {
        Column("match"): ["" if hit.probability is None else _match(hit.probability) for hit in hits],
        Column("score"): [_score(hit) for hit in hits],
        Column("photos"): [str(hit.count) if hit.members else "" for hit in hits],
        Column("taken"): [f"{hit.taken_at:%Y-%m-%d}" if hit.taken_at else "" for hit in hits],
        Column(place_head(hits), "middle"): [place_cell(hit) for hit in hits],
        Column("found", "end"): [_found(hit) for hit in hits],
        Column("text", "end"): [excerpt(hit.text) if hit.kind == "text" else "" for hit in hits],
    }
    print_rows(tuple(columns), list(zip(*columns.values(), strict=True)), pictures)
    approximate = sum(hit.approximate for hit in hits)
    if approximate:
        note(
            f"~ {approximate} of {len(hits)} found by approximate embeddings, made from the former encoder's; "
            "recall index makes them exact"
        )


def _score(hit: Hit) -> str:
    """Return the score of a hit; nothing for one that a filter alone found."""
    return f"{'~' if hit.approximate else ''}{hit.score:.3f}" if hit.part_scores else ""


def _match(probability: float) -> str:
    """Return a probability in whole percent, and a word for it."""
    percent = "<1%" if probability < 0.005 else f"{probability:.0%}"
    return f"{percent} {next(band for lowest, band in _BANDS if probability >= lowest)}"


def _found(hit: Hit) -> str:
    """Return which words of the query the hit has, and where."""
    words: dict[str, list[str]] = {}
    for word in hit.found:
        words.setdefault(_PLACES.get(word.field, word.field), []).append(word.word)
    return "; ".join(f"in the {place}: {', '.join(of_field)}" for place, of_field in words.items())
