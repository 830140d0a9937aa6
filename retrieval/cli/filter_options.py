"""The options that say what may be found, handed to a command as one filter."""

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

WITHIN = "1km"
"""How near is near: a short walk, and many times what a phone's position is wrong by."""

_ALSO_NOT = {
    "folder": ("FOLDER", "Only what is in this folder."),
    "name": ("NAME", "Only files of this name; * stands for anything."),
    "format": ("FORMAT", "Only files in this format, for instance jpg, heic, raw, nef or md."),
    "camera": ("WORDS", "Only photos by this camera; any part of maker and model, or a pattern with *."),
    "lens": ("WORDS", "Only photos with this lens; any part of its name, or a pattern with *."),
    "tag": ("TAG", "Only what has this keyword; * stands for anything."),
}
"""What may be asked for and also be ruled out: the name of the value, and the help."""


def _several(name: str, metavar: str | None, words: str, **more: Any) -> Callable[[Command], Command]:
    option: Callable[[Command], Command] = click.option(f"--{name}", metavar=metavar, multiple=True, help=words, **more)
    return option


def _also_not(negation: str) -> list[Callable[[Command], Command]]:
    path = {"type": FilePath()}
    return [
        _several(
            negation + name,
            metavar,
            f"Leave out what --{name} would find." if negation else words,
            **(path if name == "folder" else {}),
        )
        for name, (metavar, words) in _ALSO_NOT.items()
    ]


_OPTIONS: tuple[Callable[[Command], Command], ...] = (
    click.option(
        "--after",
        metavar="DATE",
        help="Only what was taken then or later: 2023-05-01, 2023-05, 2023, 3 May 2023, yesterday; of 3/5/2023 the "
        "first number is the day.",
    ),
    click.option("--before", metavar="DATE", help="Only what was taken earlier than that."),
    _several("on", "DATE", "Only what was taken on this day, or in this month or year."),
    *_also_not(""),
    _several("near", "LAT,LON|PHOTO", "Only what was taken near a place, in degrees, or near where a photo was taken."),
    click.option("--within", metavar="DISTANCE", help=f"How near that is: 500m, 5km, 3mi; by default {WITHIN}."),
    _several(
        "orientation",
        None,
        "Only photos that lie so.",
        type=click.Choice(["landscape", "portrait", "square"], case_sensitive=False),
    ),
    _several("min-size", "SIZE", "Only photos of this size or larger: 1920x1080, or 12mp."),
    _several("rating", "STARS", "Only photos with so many stars or more, 0 to 5; 3-4 is a range."),
    *_also_not("not-"),
)


def filter_options(command: Command) -> Command:
    """Add the options that say what may be found, and hand the command one `where`, a Filter or None.

    Of one option that is repeated one value has to fit, of different options all.
    """
    names = ("after", "before", "on", *_ALSO_NOT, "near", "within", "orientation", "min_size", "rating")

    @functools.wraps(command)
    def call(**arguments: Any) -> None:
        given = {name: arguments.pop(name) for name in (*names, *(f"not_{name}" for name in _ALSO_NOT))}
        command(where=_where(given), **arguments)

    decorated: Command = call
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def _where(given: dict[str, Any]) -> Filter | None:
    """Return what the options ask for as one filter, None where they ask for nothing.

    Raises:
        click.UsageError: A value cannot be used.
    """
    if given["within"] is not None and not given["near"]:
        raise click.UsageError("--within says how near --near is; give a place too: --near 52.5,13.4 --within 5km")
    if not any(given.values()):
        return None
    from retrieval import Filter
    from retrieval.query import parse_values  # late: --help needs no database library

    ways: dict[str, Callable[[Any], Filter]] = {name: getattr(Filter, name) for name in (*_ALSO_NOT, "orientation")}
    ways |= {"min_size": parse_values.read_size, "rating": parse_values.read_rating}
    ways |= {
        "on": lambda text: Filter.taken(on=parse_values.read_dates(text)),
        "near": _near(given["within"] or WITHIN),
    }
    parts = [_taken(given["after"], given["before"])]
    parts += [_either(name, way, given[name]) for name, way in ways.items()]
    ruled_out = [_either(f"not_{name}", ways[name], given[f"not_{name}"]) for name in _ALSO_NOT]
    parts += [None if part is None else ~part for part in ruled_out]
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
    from retrieval.query.parse_values import read_dates  # late: as above

    return None if text is None else _read(name, read_dates, text).start


def _near(within: str) -> Callable[[str], Filter]:
    """Return what makes a filter of a place or a photo."""

    def near(text: str) -> Filter:
        from retrieval import Filter
        from retrieval.query import parse_values  # late: as above

        km, place = _read("within", parse_values.read_distance, within), parse_values.read_place(text)
        return Filter.near_photo(text, km=km) if place is None else Filter.near(*place, km=km)

    return near


def _either(name: str, way: Callable[[Any], Filter], given: Iterable[Any]) -> Filter | None:
    """Return the filter for one of the values of an option, None where it has none."""
    parts = [_read(name, way, value) for value in given]
    return functools.reduce(lambda one, other: one | other, parts) if parts else None


def _read(name: str, way: Callable[[Any], Any], value: Any) -> Any:
    """Return what a value of an option means.

    Raises:
        click.BadParameter: It means nothing.
    """
    try:
        return way(value)
    except QueryError as error:
        raise click.BadParameter(str(error), param_hint=f"'--{name.replace('_', '-')}'") from error
