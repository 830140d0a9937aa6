"""What installed packages add to Recall: entry points of the groups below.

Installing a package is what makes its code trusted. Names and packages are read from the metadata of packages; a
package's code is imported when something of it is used.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from indexer.errors import RecallError

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

logger = logging.getLogger(__name__)

ENCODERS = "recall.encoders"
RERANKERS = "recall.rerankers"
IMPORTERS = "recall.importers"
COMMANDS = "recall.commands"

_NAME = re.compile(r"[^\W_][\w.-]*")
"""A name that can be typed as one word, and that nothing takes for an option, a path or a value."""

_unreadable: set[str] = set()
"""Packages whose metadata cannot be read, of which the log has said so."""


def plugins(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name, sorted; of two with one name, the one that is used.

    A package whose metadata is damaged is left out, with one warning in the log.
    """
    from importlib.metadata import entry_points  # late: it reads every installed package, and few names need it

    try:
        entries = list(entry_points(group=group))
    except Exception:  # noqa: BLE001  one damaged file of any package
        entries = _readable_entries(group)
    found: dict[str, EntryPoint] = {}
    for entry in entries:
        found.setdefault(entry.name, entry)
    return {name: found[name] for name in sorted(found)}


def named_plugins(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group whose names can be typed as one word, by name, sorted."""
    return {name: entry for name, entry in plugins(group).items() if _NAME.fullmatch(name)}


def load_entry(entry: EntryPoint, error: type[RecallError]) -> Any:
    """Return what an entry point refers to.

    Args:
        entry: The entry point.
        error: What is raised if it cannot be imported, with a message of one line.
    """
    try:
        return entry.load()
    except Exception as cause:  # importing foreign code may raise anything
        raise error(f"{origin(entry)} cannot be loaded ({reason(cause)}); reinstall or remove it") from cause


def load_function(entry: EntryPoint, error: type[RecallError]) -> Callable[..., Any]:
    """Return the function or class that an entry point refers to; raises `error` if it is neither."""
    function = load_entry(entry, error)
    if not callable(function):
        raise error(f"{origin(entry)} is a {type(function).__name__}; expected a function or class")
    result: Callable[..., Any] = function
    return result


def origin(entry: EntryPoint) -> str:
    """Return an entry point and its package, for a message."""
    return f"the entry point {entry.name!r} of {package_of(entry) or 'an installed package'} ({entry.value})"


def package_of(entry: EntryPoint) -> str:
    """Return the name of the package that declares an entry point, "" if its metadata does not have it."""
    return _field(entry, "Name")


def summary_of(entry: EntryPoint) -> str:
    """Return the package of an entry point and what its metadata says it is, in one line."""
    package, summary = package_of(entry), " ".join(_field(entry, "Summary").split())
    return f"of {package or 'an installed package'}{': ' if summary else ''}{summary}"


def reason(error: Exception) -> str:
    """Return an error of foreign code in one line."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def _field(entry: EntryPoint, name: str) -> str:
    try:
        return str(entry.dist.metadata[name] or "") if entry.dist else ""
    except Exception:  # noqa: BLE001  metadata may be missing, or damaged in any way
        return ""


def _readable_entries(group: str) -> list[EntryPoint]:
    """Return the entry points of the packages whose metadata can be read."""
    from importlib.metadata import distributions  # late, as above

    entries: list[EntryPoint] = []
    for package in distributions():
        try:
            entries += [entry for entry in package.entry_points if entry.group == group]
        except Exception as error:  # noqa: BLE001  as above
            _warn(package, error)
    return entries


def _warn(package: Distribution, error: Exception) -> None:
    try:
        name = str(package.metadata["Name"])
    except Exception:  # noqa: BLE001  as above
        name = "an installed package"
    if name not in _unreadable:
        _unreadable.add(name)
        logger.warning("the entry points of %s cannot be read (%s); reinstall or remove it", name, reason(error))
