"""The libraries of a server, under the names that addresses have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from indexer.config import Settings
from indexer.database_url import DEFAULT_SCHEMA, DatabaseUrl
from retrieval.library import Library
from retrieval.server.problems import ProblemError


@dataclass(frozen=True, slots=True)
class Served:
    """A library of a server.

    Attributes:
        name: Its name in addresses.
        library: The open library.
        read_only: Whether the server refuses to change it.
    """

    name: str
    library: Library
    read_only: bool = False


@contextmanager
def open_libraries(
    places: Iterable[Path | DatabaseUrl], settings: Settings, *, read_only: bool
) -> Iterator[dict[str, Served]]:
    """Yield open libraries by their names; they are closed afterwards.

    Args:
        places: Folders and URLs of libraries, which must exist.
        settings: The settings of all of them.
        read_only: Whether to write nothing to them.

    Raises:
        LibraryError: A folder is no library.
    """
    with ExitStack() as stack:
        served: dict[str, Served] = {}
        for place in dict.fromkeys(place.absolute() if isinstance(place, Path) else place for place in places):
            name = _free_name(place, served)
            library = Library(replace(settings, library=place), create=False, read_only=read_only)
            library.gather_queries()
            served[name] = Served(name, stack.enter_context(library), read_only)
        yield served


def _free_name(place: Path | DatabaseUrl, taken: Mapping[str, Served]) -> str:
    """Return the name of a folder without .recall, or of a schema, with a number if another library has it."""
    if isinstance(place, DatabaseUrl):
        base = place.database if place.schema == DEFAULT_SCHEMA else place.schema
    else:
        base = place.name.removesuffix(".recall") or "library"
    base = base.encode("utf-8", "replace").decode().replace("/", "-")
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


async def named_library(request: Request, library: str) -> Served:
    """Return the library that an address names.

    Raises:
        ProblemError: There is none.
    """
    served: Mapping[str, Served] = request.app.state.libraries
    if library not in served:
        raise ProblemError(404, f"there is no library {library[:100]!r}; GET /api/libraries lists them")
    return served[library]


async def writable_library(request: Request, library: str) -> Served:
    """Return the library that an address names, if the server may change it.

    Raises:
        ProblemError: There is none, or the server only reads.
    """
    served = await named_library(request, library)
    check_writable(served)
    return served


def check_writable(served: Served) -> None:
    """Refuse to change a library of which the server only reads.

    Raises:
        ProblemError: It only reads.
    """
    if served.read_only:
        raise ProblemError(403, "this server only reads; start recall serve without --read-only to change the library")


ServedLibrary = Annotated[Served, Depends(named_library)]
"""The library that an address names, as an argument of an endpoint."""

WritableLibrary = Annotated[Served, Depends(writable_library)]
"""The same, for endpoints that change it; refused if the server only reads."""
