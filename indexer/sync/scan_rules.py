"""Which files of a source are indexed and which are excluded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from indexer.catalog.statements.sources import Source
from indexer.documents.text_file import text_format
from indexer.errors import SourceError
from indexer.images import is_photo_name

SYSTEM_FOLDERS = frozenset(
    {
        "@eadir",  # Synology's thumbnails
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "system volume information",
        "__macosx",
        "lost+found",
    }
)
"""Names, in lower case, of folders that programs and devices create."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a walk excludes.

    Attributes:
        exclude: Patterns with *, ? and [ ], matched against a name and against the path relative to the root.
        include_hidden: Whether to include names that begin with a dot.
    """

    exclude: Sequence[str] = ()
    include_hidden: bool = False

    def excludes(self, name: str, relative_path: str) -> bool:
        """Return whether an entry is excluded."""
        return self._reason(name, relative_path) is not None

    def _reason(self, name: str, relative_path: str) -> str | None:
        """Return why an entry is excluded, for a message; None if it is not."""
        if name.startswith(".") and not self.include_hidden:
            return f"the name {name} begins with a dot, and hidden files are excluded"
        if name.lower() in SYSTEM_FOLDERS:
            return f"folders called {name} are created by the system and excluded"
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

    def excludes_path(self, relative_path: str) -> bool:
        """Return whether a walk from the root never reaches a path."""
        return self.exclusion_reason(relative_path) is not None

    def exclusion_reason(self, relative_path: str) -> str | None:
        """Return why a walk from the root never reaches a path, for a message; None if it does."""
        parts = relative_path.split(os.sep) if relative_path != os.curdir else []
        reasons = (self._reason(part, os.sep.join(parts[: n + 1])) for n, part in enumerate(parts))
        return next((reason for reason in reasons if reason), None)


def is_item_name(name: str) -> bool:
    """Return whether a name has the suffix of a photo or a text file."""
    return is_photo_name(name) or text_format(name) is not None


def source_rules(source: Source | None) -> Rules:
    """Return the rules of a source; the default rules for None."""
    return Rules() if source is None else Rules(source.exclude, source.include_hidden)


def resolve_path(path: str | os.PathLike[str]) -> str:
    """Return the canonical path of a file or folder: absolute, with links resolved.

    Raises:
        SourceError: There is no such file or folder.
    """
    try:
        return os.path.realpath(Path(path).expanduser(), strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{os.fspath(path)} cannot be found ({reason}); name a folder or a picture") from error
