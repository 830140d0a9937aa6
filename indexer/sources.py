"""Folders and files as a stream of what is found in them."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from indexer.catalog.sources import KnownSource
from indexer.errors import SourceError
from indexer.images import is_photo_name
from indexer.texts import text_format
from indexer.types import is_below

MACHINE_MADE = frozenset(
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
"""Folders that programs and devices fill, in lower case: nobody's photos."""

_SIDECAR_ENDINGS = (".xmp", ".XMP")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that a photo's or a text's name was given to; size and time are the file's own.

    Attributes:
        path: Absolute.
        size: In bytes.
        mtime_ns: In nanoseconds since 1970.
        sidecar: Path of the XMP file beside a photo, None where there is none.
        sidecar_mtime_ns: The sidecar's time.
    """

    path: str
    size: int
    mtime_ns: int
    sidecar: str | None = None
    sidecar_mtime_ns: int | None = None


@dataclass(frozen=True, slots=True)
class UnreadableFolder:
    """A folder that could not be listed: what is known from inside it is kept, not removed."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What a walk leaves out.

    Attributes:
        exclude: Patterns with *, ? and [ ], compared with a name and with the path below the root.
        include_hidden: Whether names that begin with a dot are walked too.
    """

    exclude: Sequence[str] = ()
    include_hidden: bool = False

    def leave_out(self, name: str, below_root: str) -> bool:
        """Return whether an entry is left out."""
        return self._reason(name, below_root) is not None

    def _reason(self, name: str, below_root: str) -> str | None:
        """Return why an entry is left out, in words for people; None where it is not."""
        if name.startswith(".") and not self.include_hidden:
            return f"the name {name} begins with a dot and hidden files are left out"
        if name.lower() in MACHINE_MADE:
            return f"folders called {name} are filled by machines and left out"
        if name.endswith(".recall"):
            return f"{name} is a library"
        fits = (pattern for pattern in self.exclude if fnmatch(name, pattern) or fnmatch(below_root, pattern))
        return next((f"it is excluded by the pattern {pattern!r}" for pattern in fits), None)

    def for_part(self, below_root: str) -> Rules:
        """Return the rules for a folder inside the root: patterns for paths through it begin at it as well."""
        parts = below_root.split(os.sep)
        patterns = list(self.exclude)
        for pattern in self.exclude:
            head, tail = pattern.split("/")[: len(parts)], pattern.split("/")[len(parts) :]
            if tail and all(fnmatch(part, piece) for part, piece in zip(parts, head, strict=True)):
                patterns.append("/".join(tail))
        return Rules(patterns, self.include_hidden)

    def leave_out_path(self, below_root: str) -> bool:
        """Return whether a walk that begins at the root never comes to a path."""
        return self.why_left_out(below_root) is not None

    def why_left_out(self, below_root: str) -> str | None:
        """Return why a walk that begins at the root never comes to a path, in words; None where it does."""
        parts = below_root.split(os.sep) if below_root != os.curdir else []
        reasons = (self._reason(part, os.sep.join(parts[: n + 1])) for n, part in enumerate(parts))
        return next((reason for reason in reasons if reason), None)


def is_item_name(name: str) -> bool:
    """Return whether a name has the ending of a photo or of a text."""
    return is_photo_name(name) or text_format(name) is not None


def rules_of(source: KnownSource | None) -> Rules:
    """Return what a source leaves out; where there is no source, the rules of a new one."""
    return Rules() if source is None else Rules(source.exclude, source.include_hidden)


def resolve(path: str | os.PathLike[str]) -> str:
    """Return the one absolute name of a file or folder, links resolved.

    Raises:
        SourceError: There is no such file or folder.
    """
    try:
        return os.path.realpath(Path(path).expanduser(), strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{os.fspath(path)} cannot be found ({reason}); name a folder or a picture") from error


def walk(
    root: str, rules: Rules, *, base: str | None = None, others: Collection[str] = ()
) -> Iterator[FoundFile | UnreadableFolder]:
    """Yield the photos and texts at or below `root`, in the byte order of their paths.

    Links are followed, but nothing is met twice: a link to inside the root is passed over, and of several links to
    the same place outside it the first counts.

    Args:
        root: Absolute path of a folder or a file, as `resolve` gives it.
        rules: What to leave out; the root itself is never left out.
        base: Folder that the patterns' paths begin at; None takes the root.
        others: Roots of other sources, which are passed over.

    Raises:
        SourceError: The root cannot be listed, or is gone.
    """
    try:
        facts = Path(root).stat()
    except OSError as error:
        raise SourceError(f"{root} cannot be read ({error.strerror}); name a folder or a picture") from error
    if stat.S_ISDIR(facts.st_mode):
        begun = {(facts.st_dev, facts.st_ino)}
        yield from _Walk(root, rules, base or root, others, begun).folder(root, outside=False)
    else:
        folder, name = os.path.split(root)
        yield _found(root, facts, _sidecar(os.path.join(folder, each) for each in sidecar_names(name)))


@dataclass(slots=True)
class _Walk:
    """One walk: what it leaves out and which places outside the root it has been to."""

    root: str
    rules: Rules
    base: str
    others: Collection[str]
    visited: set[tuple[int, int]]

    def folder(self, path: str, *, outside: bool) -> Iterator[FoundFile | UnreadableFolder]:
        """Yield the photos and texts of one folder; `outside` says that a link led out of the root."""
        try:
            with os.scandir(path) as listing:
                entries = sorted(((_sort_key(entry), entry) for entry in listing), key=lambda pair: pair[0])
        except OSError as error:
            if path == self.root:
                raise SourceError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
            yield UnreadableFolder(path, error.strerror or str(error))
            return
        walked = [(key, entry) for key, entry in entries if not self.left_out(entry)]
        sidecars = {entry.name: entry.path for _, entry in walked if entry.name.endswith(_SIDECAR_ENDINGS)}
        for key, entry in walked:
            if not key.endswith(os.fsencode(os.sep)):
                yield from self.file(entry, sidecars, outside=outside)
            elif entry.is_symlink() and not Path(entry.path).exists():
                yield UnreadableFolder(entry.path, "a link to something that is not there")
            elif self.enter(entry, outside=outside):
                yield from self.folder(entry.path, outside=outside or entry.is_symlink())

    def left_out(self, entry: os.DirEntry[str]) -> bool:
        """Return whether the rules or another source's root leave an entry out."""
        below = os.path.relpath(entry.path, self.base) if self.rules.exclude else ""  # slow, and only patterns ask
        return self.rules.leave_out(entry.name, below) or entry.path in self.others

    def file(self, entry: os.DirEntry[str], sidecars: Mapping[str, str], *, outside: bool) -> Iterator[FoundFile]:
        """Yield one file, if it has the name of a photo or a text and was not met before."""
        if not is_item_name(entry.name):
            return
        try:
            facts = entry.stat()
        except OSError:  # a link to nothing or in a circle: the decoder will say what is wrong with it
            try:
                yield _found(entry.path, entry.stat(follow_symlinks=False))
            except OSError:
                return  # it vanished
            return
        if not stat.S_ISREG(facts.st_mode) or self.enter(entry, outside=outside):
            beside = (sidecars[name] for name in sidecar_names(entry.name) if name in sidecars) if sidecars else ()
            yield _found(entry.path, facts, _sidecar(beside))

    def enter(self, entry: os.DirEntry[str], *, outside: bool) -> bool:
        """Return whether an entry is met for the first time; what a link leads to is remembered."""
        if not outside and not entry.is_symlink():
            return True
        try:
            real, facts = os.path.realpath(entry.path), entry.stat()
        except OSError:
            return False
        place = (facts.st_dev, facts.st_ino)
        below = is_below(real, self.root) and not self.rules.leave_out_path(os.path.relpath(real, self.base))
        if below or real == self.root or place in self.visited:
            return False
        self.visited.add(place)
        return True


def sidecar_names(name: str) -> tuple[str, ...]:
    """Return the names that a photo's XMP file may have, the one that names it most exactly first; a text has none."""
    if text_format(name) is not None:
        return ()
    stem = os.path.splitext(name)[0]
    return tuple(beside + ending for beside in (name, stem) for ending in _SIDECAR_ENDINGS)


def _sidecar(paths: Iterable[str]) -> tuple[str, int] | None:
    """Return the first of the paths that is a file, and its time."""
    for path in paths:
        try:
            facts = Path(path).stat()
        except OSError:
            continue
        if stat.S_ISREG(facts.st_mode):
            return path, facts.st_mtime_ns
    return None


def _found(path: str, facts: os.stat_result, sidecar: tuple[str, int] | None = None) -> FoundFile:
    return FoundFile(path, facts.st_size, facts.st_mtime_ns, *(sidecar or (None, None)))


def _sort_key(entry: os.DirEntry[str]) -> bytes:
    """Return a key that makes a walk visit whole paths in byte order: a folder sorts with its separator."""
    try:
        folder = entry.is_dir()
    except OSError:
        folder = False
    if entry.is_symlink() and not is_item_name(entry.name):  # where it leads to nothing, it may have been a folder
        folder = folder or not Path(entry.path).exists()
    return os.fsencode(entry.name + os.sep if folder else entry.name)
