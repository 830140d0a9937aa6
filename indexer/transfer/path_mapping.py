"""Paths that come from another machine: mapped to where things lie here, and checked before anybody believes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import TransferError
from indexer.types import is_below


@dataclass(frozen=True, slots=True)
class Roots:
    """Where the folders of another machine lie here.

    Attributes:
        pairs: Folder there and folder here, the longest first; "" stands for the folder that relative paths begin at.
        separator: What stands between folder names there.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    separator: str = os.sep

    @classmethod
    def of(cls, roots: Mapping[str, str], *, separator: str = os.sep) -> Roots:
        """Return the mapping of a user: folders here may be relative or begin with ~, and links are resolved."""
        pairs = [(old.rstrip(separator) or old, os.path.realpath(Path(new).expanduser())) for old, new in roots.items()]
        return cls(tuple(sorted(pairs, key=lambda pair: -len(pair[0]))), separator)

    def apply(self, path: str) -> str:
        """Return where a path of there lies here; one that no pair fits is returned as it is."""
        for old, new in self.pairs:
            inside = old if old.endswith(self.separator) else old + self.separator
            if old and path == old:
                return new
            if old and path.startswith((inside, old + "\0")):
                name, nul, row = path[len(old) :].partition("\0")
                rest = name.replace(self.separator, os.sep).lstrip(os.sep)
                return (os.path.join(new, rest) if rest else new) + nul + row
        return path

    def resolve(self, path: str) -> str:
        """Return where a path lies here that may be relative; it is normalised, and may not climb with `..`.

        Raises:
            TransferError: It is relative and nobody said to what, or it climbs.
        """
        if ".." in path.replace(self.separator, os.sep).split(os.sep):
            raise TransferError(f"path {path!r} climbs out of its folder with '..'; nothing was imported of it")
        found = self.apply(path)
        if not os.path.isabs(found):
            base = dict(self.pairs).get("")
            if base is None:
                raise TransferError(f"path {path!r} is relative; say which folder it begins at: --root FOLDER")
            found = os.path.join(base, found)
        return os.path.normpath(found)

    def check_used(self, roots: list[str]) -> None:
        """Refuse a pair that fits none of the sources' folders: it is a slip of the pen.

        Raises:
            TransferError: There is such a pair.
        """
        for old, _ in self.pairs:
            inside = old if old.endswith(self.separator) else old + self.separator
            if not any(old == root or root.startswith(inside) or is_below(old, root) for root in roots):
                raise TransferError(f"nothing in this export lies at {old!r}; it has: {', '.join(roots) or 'nothing'}")


def checked(path: str, what: str, *, may_be_row: bool = False) -> str:
    """Return a path that is absolute and normal on this machine.

    Args:
        path: Whatever somebody's file says.
        what: Whose path it is, for the message.
        may_be_row: It may have a NUL and the id of a table's row behind it.

    Raises:
        TransferError: It is anything else.
    """
    name, nul, row = path.partition("\0")
    if (nul and not may_be_row) or "\0" in row:
        raise TransferError(f"{what} {path!r} has a NUL in it; expected a path")
    if not os.path.isabs(name):
        raise TransferError(f"{what} {path!r} is no absolute path here; say where it lies with --root OLD=NEW")
    if os.path.normpath(name) != name or name.startswith("//"):
        raise TransferError(f"{what} {path!r} is no normal path: it has '..', '.' or empty parts")
    return path


def most_specific(path: str, roots: Mapping[str, int]) -> int | None:
    """Return the id of the source that is a path, or lies around it most closely; None where there is none."""
    name = path.partition("\0")[0]
    while name not in roots:
        above = os.path.dirname(name)
        if above == name:
            return None
        name = above
    return roots[name]
