"""A number of bytes on the command line."""

from __future__ import annotations

import click

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_bytes(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Return a number of bytes as people write it: 500MB, 1.5GB, 2GiB; a callback of an option.

    Raises:
        click.BadParameter: It is not a size, or less than a byte.
    """
    if value is None:
        return None
    text = value.strip()
    number = text.rstrip("bBkKmMgGtTiI ")
    unit = text[len(number) :].strip().upper()
    try:
        parsed = int(float(number) * _UNITS[unit if len(unit) != 1 or unit == "B" else f"{unit}B"])
    except (KeyError, ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is not a size; expected for instance 500MB or 2GB") from None
    if parsed < 1:
        raise click.BadParameter(f"{value!r} is not a size; expected at least one byte")
    return parsed
