"""Errors of the object store that a source lies in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from indexer.errors import SourceError, StorageError


@contextmanager
def source_errors() -> Iterator[None]:
    """Turn the StorageError of an object store into a SourceError, which ends the sync of its source and no other."""
    try:
        yield
    except StorageError as error:
        raise SourceError(str(error)) from error
