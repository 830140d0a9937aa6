"""Paths from another machine: translated to this machine, and validated before they are used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import ConfigError, TransferError
from indexer.object_path import SCHEME
from indexer.storage.url import is_url, parse_url
from indexer.types import collection_of, is_below


@dataclass(frozen=True, slots=True)
class PathMapping:
    """Folders of another machine, and the same folders on this machine.

    Attributes:
        pairs: Folder there and folder here, the longest first; "" stands for the folder that relative paths start from.
        separator: Separator of path components there.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    separator: str = os.sep

    @classmethod
    def from_roots(cls, roots: Mapping[str, str], *, separator: str = os.sep) -> PathMapping:
        """Return the mapping that a user gave; folders here may be relative or start with ~, and links are resolved."""
        pairs = [(old.rstrip(separator) or old, _place_here(new)) for old, new in roots.items()]
        return cls(tuple(sorted(pairs, key=lambda pair: -len(pair[0]))), separator)

    def translate(self, path: str) -> str:
        """Return a path with its folder replaced; one that no pair matches is returned unchanged."""
        for old, new in self.pairs:
            prefix = old if old.endswith(self.separator) else old + self.separator
            if old and path == old:
                return new
            if old and path.startswith((prefix, old + "\0")):
                name, nul, row = path[len(old) :].partition("\0")
                rest = name.replace(self.separator, os.sep).lstrip(os.sep)
                return (os.path.join(new, rest) if rest else new) + nul + row
        return path

    def resolve(self, path: str) -> str:
        """Return the absolute, normalized path here of a path that may be relative.

        Raises:
            TransferError: The path is relative and the mapping has no folder for relative paths, or it contains "..".
        """
        if ".." in path.replace(self.separator, os.sep).split(os.sep):
            raise TransferError(f"path {path!r} leaves its folder with '..'; it was not imported")
        translated = self.translate(path)
        if is_url(translated):
            return _checked_url(translated, "path")
        if not os.path.isabs(translated):
            base = dict(self.pairs).get("")
            if base is None:
                raise TransferError(f"path {path!r} is relative; name the folder that it starts from: --root FOLDER")
            translated = os.path.join(base, translated)
        return os.path.normpath(translated)

    def check_used(self, roots: list[str]) -> None:
        """Raise if a pair matches no folder of the sources, since it is probably a typing error.

        Raises:
            TransferError: A pair matches no folder.
        """
        for old, _ in self.pairs:
            prefix = old if old.endswith(self.separator) else old + self.separator
            if not any(old == root or root.startswith(prefix) or is_below(old, root) for root in roots):
                raise TransferError(f"this export has nothing at {old!r}; it has: {', '.join(roots) or 'nothing'}")


def _place_here(folder: str | os.PathLike[str]) -> str:
    """Return the absolute path of a folder that a user named, with links resolved; a URL as it is."""
    text = os.fspath(folder)
    return text.rstrip("/") if is_url(text) else os.path.realpath(Path(text).expanduser())


def _checked_url(url: str, owner: str) -> str:
    """Return a URL unchanged if it is that of an object or a folder in an object store.

    Raises:
        TransferError: It is another one, or is not normalized.
    """
    try:
        parse_url(url)
    except ConfigError as error:
        raise TransferError(f"{owner} cannot be used here: {error}; say where it is with --root OLD=NEW") from error
    if url.endswith("/"):
        raise TransferError(f"{owner} {url!r} ends with '/'; expected s3://BUCKET/PREFIX")
    if "//" in url.removeprefix(SCHEME):  # behind the bucket, where a URL that a user types may have it
        raise TransferError(f"{owner} {url!r} has an empty component; expected s3://BUCKET/PREFIX")
    return url


def validate_path(path: str, owner: str, *, may_be_row: bool = False) -> str:
    """Return a path unchanged if it is absolute and normalized on this machine, or a URL.

    Args:
        path: The path, from a file that anyone may have written.
        owner: What has this path, for the message.
        may_be_row: Whether a NUL and the id of a table row may follow the path.

    Raises:
        TransferError: The path is not absolute, is not normalized, contains a NUL, or is a URL of no object store.
    """
    name, nul, row = path.partition("\0")
    if (nul and not may_be_row) or "\0" in row:
        raise TransferError(f"{owner} {path!r} contains a NUL; expected a path")
    if is_url(name):
        _checked_url(name, owner)
        return path
    if not os.path.isabs(name):
        raise TransferError(f"{owner} {path!r} is not an absolute path here; say where it is with --root OLD=NEW")
    if os.path.normpath(name) != name or name.startswith("//"):
        raise TransferError(f"{owner} {path!r} is not normalized: it has '..', '.' or empty components")
    return path


def most_specific(path: str, roots: Mapping[str, int]) -> int | None:
    """Return the id of the source at a path or of the closest source above it, else None.

    An added item belongs to its own collection or to nothing: the name of a collection is not a path.
    """
    name = path.partition("\0")[0]
    if collection_of(path) is not None:
        return roots.get(name)
    while name not in roots:
        parent = os.path.dirname(name)
        if parent == name:
            return None
        name = parent
    return roots[name]
