"""Which files of a source are indexed and which are excluded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from indexer.catalog.statements.sources import Source
from indexer.documents.text_file import text_format
from indexer.errors import SourceError, StorageError
from indexer.images import is_photo_name
from indexer.storage import open_place
from indexer.storage.item_files import stat_file
from indexer.storage.url import is_url
from indexer.sync.system_folders import is_system_folder


@dataclass(frozen=True, slots=True)
class Rules:
    """What a walk excludes.

    Attributes:
        exclude: Patterns with *, ? and [ ], matched against a name and against the path relative to the root.
        include_hidden: Whether to include names that begin with a dot.
    """

    exclude: Sequence[str] = ()
    include_hidden: bool = False

    def excludes(self, name: str, relative_path: str, parent: str) -> bool:
        """Return whether an entry is excluded.

        Args:
            name: Its name.
            relative_path: Its path below the source's root; needed if there are patterns.
            parent: Name of the folder that it is in.
        """
        return self._reason(name, relative_path, parent) is not None

    def _reason(self, name: str, relative_path: str, parent: str) -> str | None:
        """Return why an entry is excluded, for a message; None if it is not."""
        if name.startswith(".") and not self.include_hidden:
            return f"the name {name} begins with a dot, and hidden files are excluded"
        if is_system_folder(name, parent):
            return f"the folder {name} is filled by a program or a device and excluded"
        if name.endswith(".recall"):
            return f"{name} is a library"
        matching = (pattern for pattern in self.exclude if fnmatch(name, pattern) or fnmatch(relative_path, pattern))
        return next((f"it is excluded by the pattern {pattern!r}" for pattern in matching), None)

    def for_subfolder(self, relative_path: str) -> Rules:
        """Return the rules for a walk that begins at a subfolder: patterns of paths through it are shortened."""
        parts = relative_path.split(os.sep)
        patterns = list(self.exclude)
        for pattern in self.exclude:
            head, tail = pattern.split("/")[: len(parts)], pattern.split("/")[len(parts) :]
            if tail and all(fnmatch(part, part_pattern) for part, part_pattern in zip(parts, head, strict=True)):
                patterns.append("/".join(tail))
        return Rules(patterns, self.include_hidden)

    def excludes_path(self, path: str, root: str) -> bool:
        """Return whether a walk from `root` never reaches `path`, which is at or below it."""
        return self.exclusion_reason(path, root) is not None

    def exclusion_reason(self, path: str, root: str) -> str | None:
        """Return why a walk from `root` never reaches `path`, for a message; None if it does."""
        relative_path = os.path.relpath(path, root)
        parts = relative_path.split(os.sep) if relative_path != os.curdir else []
        parents = [os.path.basename(root), *parts]
        reasons = (self._reason(part, os.sep.join(parts[: n + 1]), parents[n]) for n, part in enumerate(parts))
        return next((reason for reason in reasons if reason), None)


def is_item_name(name: str) -> bool:
    """Return whether a name has the suffix of a photo or a text file."""
    return is_photo_name(name) or text_format(name) is not None


def is_folder(path: str) -> bool:
    """Return whether a path is that of a folder.

    A URL is that of a folder unless there is an object of the name. Names without an ending are not asked for: objects
    that stand for folders have none, and who may list a folder may not always ask for its name.

    Raises:
        SourceError: An object store does not say whether it has an object.
    """
    if not is_url(path):
        return os.path.isdir(path)
    name = path.rpartition("/")[2]
    if not os.path.splitext(name)[1]:
        return True
    try:
        status = stat_file(path)
    except FileNotFoundError:
        return True
    except (PermissionError, StorageError) as error:
        raise SourceError(f"{path} cannot be looked at: {error}") from error
    return not status.st_size and not is_item_name(name)


def source_rules(source: Source | None) -> Rules:
    """Return the rules of a source; the default rules for None."""
    return Rules() if source is None else Rules(source.exclude, source.include_hidden)


def resolve_path(path: str | os.PathLike[str]) -> str:
    """Return the canonical path of a file or folder: absolute, with links resolved; a URL stays one.

    Raises:
        SourceError: There is no such file or folder.
        ConfigError: It is a URL of another scheme than s3, or without a bucket.
    """
    if is_url(os.fspath(path)):
        return open_place(path).url
    try:
        return os.path.realpath(Path(path).expanduser(), strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{os.fspath(path)} cannot be found ({reason}); name a folder or a picture") from error
