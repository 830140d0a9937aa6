"""The filter options, handed to a command as one filter."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from indexer.errors import QueryError
from retrieval.cli.options import Command, FilePath

if TYPE_CHECKING:
    from datetime import datetime

    from retrieval import Filter

_WITHIN = "1km"
"""Default of --within: a short walk, and many times the error of a phone's position."""

_NEGATABLE = {
    "folder": ("FOLDER", "Only what is in this folder."),
    "name": ("NAME", "Only files with this name; * stands for any text."),
    "format": ("FORMAT", "Only files in this format, for instance jpg, heic, raw, nef or md."),
    "camera": ("WORDS", "Only photos by this camera: part of its maker or model, or a pattern with *."),
    "lens": ("WORDS", "Only photos with this lens: part of its name, or a pattern with *."),
    "tag": ("TAG", "Only what has this tag; * stands for any text."),
    "person": ("NAME", "Only photos of the person with this name in their metadata; * stands for any text."),
    "place": ("NAME", "Only photos with this city, country or other place in their metadata; * stands for any text."),
    "collection": ("NAME", "Only items that were added to this collection; * stands for any text."),
    "meta": (
        "COMPARISON",
        "Only added items whose metadata matches: 'price<10', 'shop=Berlin,Paris', 'shop!=Rome', or 'price' for any.",
    ),
}
"""The options that have a --not- form: the metavariable and the help."""


def _repeatable(name: str, metavar: str | None, words: str, **more: Any) -> Callable[[Command], Command]:
    option: Callable[[Command], Command] = click.option(f"--{name}", metavar=metavar, multiple=True, help=words, **more)
    return option


def _negatable(negation: str) -> list[Callable[[Command], Command]]:
    path = {"type": FilePath()}
    return [
        _repeatable(
            negation + name,
            metavar,
            f"Leave out what --{name} would find." if negation else words,
            **(path if name == "folder" else {}),
        )
        for name, (metavar, words) in _NEGATABLE.items()
    ]


_OPTIONS: tuple[Callable[[Command], Command], ...] = (
    click.option(
        "--after",
        metavar="DATE",
        help="Only what was taken at this date or later: 2023-05-01, 2023-05, 2023, 3 May 2023, yesterday, a year ago. "
        "In 3/5/2023 the day comes first.",
    ),
    click.option("--before", metavar="DATE", help="Only what was taken before this date."),
    _repeatable("on", "DATE", "Only what was taken on this day, or in this week, month, quarter, year or decade."),
    *_negatable(""),
    _repeatable(
        "near", "LAT,LON|PHOTO", "Only photos taken near this place, in degrees, or near where PHOTO was taken."
    ),
    click.option("--within", metavar="DISTANCE", help=f"How near: 500m, 5km, 3mi; by default {_WITHIN}."),
    _repeatable(
        "orientation",
        None,
        "Only photos with this orientation.",
        type=click.Choice(["landscape", "portrait", "square"], case_sensitive=False),
    ),
    _repeatable("min-size", "SIZE", "Only photos of at least this size: 1920x1080, or 12mp."),
    _repeatable("rating", "N", "Only photos with this rating or higher, 0 to 5; 3-4 is a range."),
    *_negatable("not-"),
)


def filter_options(command: Command) -> Command:
    """Add the filter options, and hand the command one `where`, a Filter or None.

    Different options must all match; of the values of a repeated option one must match, and of --meta all.
    """
    names = ("after", "before", "on", *_NEGATABLE, "near", "within", "orientation", "min_size", "rating")

    @functools.wraps(command)
    def call(**arguments: Any) -> None:
        values = {name: arguments.pop(name) for name in (*names, *(f"not_{name}" for name in _NEGATABLE))}
        command(where=_where(values), **arguments)

    decorated: Command = call
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def _where(values: dict[str, Any]) -> Filter | None:
    """Return the values of the options as one filter, None if none was given.

    Raises:
        click.UsageError: A value cannot be used.
    """
    if values["within"] is not None and not values["near"]:
        raise click.UsageError("--within has no place; give one with --near: --near 52.5,13.4 --within 5km")
    if not any(values.values()):
        return None
    from retrieval import Filter
    from retrieval.query import parse_values  # late: --help needs no database library

    makers: dict[str, Callable[[Any], Filter]] = {name: getattr(Filter, name) for name in (*_NEGATABLE, "orientation")}
    makers |= {"min_size": parse_values.read_size, "rating": parse_values.read_rating}
    makers |= {"meta": parse_values.read_metadata}
    makers |= {
        "on": lambda text: Filter.taken(on=parse_values.read_dates(text)),
        "near": _near(values["within"] or _WITHIN),
    }
    parts = [_taken(values["after"], values["before"])]
    parts += [_any_of(name, make, values[name]) for name, make in makers.items() if name != "meta"]
    parts += [_parse("meta", makers["meta"], value) for value in values["meta"]]
    excluded = [_any_of(f"not_{name}", makers[name], values[f"not_{name}"]) for name in _NEGATABLE]
    parts += [None if part is None else ~part for part in excluded]
    return functools.reduce(lambda one, other: one & other, (part for part in parts if part is not None))


def _taken(after: str | None, before: str | None) -> Filter | None:
    if after is None and before is None:
        return None
    from retrieval import Filter  # late: as above

    start, end = _start("after", after), _start("before", before)
    try:
        return Filter.taken(after=start, before=end)
    except QueryError as error:
        raise click.UsageError(str(error)) from error


def _start(name: str, text: str | None) -> datetime | None:
    from retrieval.query.parse_values import read_limit  # late: as above

    return None if text is None else _parse(name, read_limit, text)


def _near(within: str) -> Callable[[str], Filter]:
    """Return a function that makes a filter of a place or a photo."""

    def near(text: str) -> Filter:
        from retrieval import Filter
        from retrieval.query import parse_values  # late: as above

        km, place = _parse("within", parse_values.read_distance, within), parse_values.read_coordinates(text)
        return Filter.near_photo(text, km=km) if place is None else Filter.near(*place, km=km)

    return near


def _any_of(name: str, make: Callable[[Any], Filter], values: Iterable[Any]) -> Filter | None:
    """Return a filter that one value of an option must match, None if it has no values."""
    parts = [_parse(name, make, value) for value in values]
    return functools.reduce(lambda one, other: one | other, parts) if parts else None


def _parse(name: str, parse: Callable[[Any], Any], value: Any) -> Any:
    """Return the parsed value of an option.

    Raises:
        click.BadParameter: It cannot be used.
    """
    try:
        return parse(value)
    except QueryError as error:
        raise click.BadParameter(str(error), param_hint=f"'--{name.replace('_', '-')}'") from error
