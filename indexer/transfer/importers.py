"""Importers of installed packages: the entry points of the group `recall.importers`.

A package declares `FORMAT = "module:importer"`. `importer(library, path, *, roots, replace, progress)` adds what is at
`path` to an open `Library` by its methods, and returns an `ImportReport`; the arguments are those of `Library.import_`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from indexer.errors import RecallError, TransferError
from indexer.plugins import IMPORTERS, load_function, named_plugins, origin, reason, summary_of
from indexer.registry import Entry, expected
from indexer.transfer.formats import EXPORT_FORMATS
from indexer.transfer.report import ImportReport

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_OWN = tuple(entry.name for entry in EXPORT_FORMATS)


def import_formats() -> tuple[Entry, ...]:
    """Return the formats that can be imported: Recall's, then those of installed packages; none is imported."""
    return (*EXPORT_FORMATS, *(Entry(name, name, summary_of(entry)) for name, entry in _plugins().items()))


def load_importer(format: str) -> Callable[..., ImportReport] | None:
    """Return the importer of a format; None for Recall's own formats.

    Raises:
        TransferError: There is no such format, or the package that has it cannot be imported.
    """
    if format in _OWN:
        return None
    entry = _plugins().get(format)
    if entry is None:
        raise TransferError(f"there is no format {format!r} to import; expected {expected(import_formats())}")
    return _checked(entry, load_function(entry, TransferError))


def _plugins() -> dict[str, EntryPoint]:
    return {name: entry for name, entry in named_plugins(IMPORTERS).items() if name not in _OWN}


def _checked(entry: EntryPoint, importer: Callable[..., Any]) -> Callable[..., ImportReport]:
    """Return an importer whose errors are TransferErrors of one line."""

    def run(library: object, path: object, **options: object) -> ImportReport:
        try:
            report = importer(library, path, **options)
        except RecallError:
            raise
        except Exception as error:  # foreign code may raise anything
            raise TransferError(
                f"{path}: {origin(entry)} failed ({reason(error)}); what it has added is kept"
            ) from error
        if not isinstance(report, ImportReport):
            raise TransferError(f"{origin(entry)} returned a {type(report).__name__}; expected an ImportReport")
        return report

    return run
