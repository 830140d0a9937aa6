"""What a sync does about one item, or about several unchanged ones."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.sync.walk_entries import SourceFile


@dataclass(frozen=True, slots=True)
class Added:
    """A new file; `copy_of` is an item with the same content, whose embeddings and metadata are copied."""

    file: SourceFile
    copy_of: int | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A file with new content or another sidecar, or one that failed and is retried."""

    file: SourceFile
    item_id: int
    copy_of: int | None = None


@dataclass(frozen=True, slots=True)
class Reread:
    """An unchanged photo whose metadata was read by a version that reads less."""

    file: SourceFile
    item_id: int


@dataclass(frozen=True, slots=True)
class Touched:
    """A file with a new modification or change time and the same content, and with the same sidecar."""

    file: SourceFile
    item_id: int


@dataclass(frozen=True, slots=True)
class Moved:
    """An item whose file has a new path; with another sidecar, a `Changed` follows."""

    file: SourceFile
    item_id: int
    has_other_sidecar: bool = False


@dataclass(frozen=True, slots=True)
class Removed:
    """An item whose file was not found at its path, from which it may have moved."""

    item_id: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Unchanged files; `failed` means that they could not be indexed and are not retried."""

    failed: bool
    count: int = 1


@dataclass(frozen=True, slots=True)
class Inaccessible:
    """An item whose file cannot be accessed now; nothing is done."""

    path: str
    reason: str


Step = Added | Changed | Reread | Touched | Moved | Removed | Unchanged | Inaccessible
