"""The steps of a run, stored on disk between planning and execution."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeGuard

from indexer.sync.steps import Added, Changed, Reread, Step

Work = Added | Changed | Reread
"""A step that needs the decoder: there is no copy whose embeddings and metadata can be used."""


def is_work(step: Step) -> TypeGuard[Work]:
    """Return whether a step needs the decoder."""
    return isinstance(step, Reread) or (isinstance(step, Added | Changed) and step.copy_of is None)


class Spool:
    """Steps in a temporary file, in the order of the walk, so that memory does not grow with the source.

    Attributes:
        work_count: Number of steps that need the decoder.
    """

    def __init__(self, folder: Path | None) -> None:
        """Create an empty spool.

        Args:
            folder: Folder of the file, which has no name and disappears when it is closed or the process ends; None for
                the system's folder for temporary files.
        """
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()
        self.work_count = 0

    def add(self, step: Step) -> None:
        """Append a step."""
        pickle.dump(step, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        self.work_count += is_work(step)

    def __iter__(self) -> Iterator[Step]:
        self._file.seek(0)
        with suppress(EOFError):
            while True:
                yield pickle.load(self._file)  # noqa: S301 - our own file, unlinked while open

    def close(self) -> None:
        """Close the file, which deletes it."""
        self._file.close()
