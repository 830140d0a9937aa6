"""What is to be done, kept on the disk between planning and doing."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeGuard

from indexer.sync.planner import Added, Changed, Step

Work = Added | Changed
"""A step that needs the decoder and the encoder: neither has a copy whose embedding serves."""


def is_work(step: Step) -> TypeGuard[Work]:
    """Return whether a step needs the decoder and the encoder."""
    return isinstance(step, Added | Changed) and step.copy_of is None


class Spool:
    """Steps in a temporary file, in the order of the walk: memory does not grow with the source."""

    def __init__(self, folder: Path) -> None:
        """Make an empty one.

        Args:
            folder: Where the file lies, without a name; it is gone when it is closed, or the process ends.
        """
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()
        self.work = 0

    def put(self, step: Step) -> None:
        """Add a step; `work` counts those that need the encoder."""
        pickle.dump(step, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        self.work += is_work(step)

    def __iter__(self) -> Iterator[Step]:
        self._file.seek(0)
        with suppress(EOFError):
            while True:
                yield pickle.load(self._file)  # noqa: S301 - our own file, unlinked while open

    def close(self) -> None:
        """Close the file, and with it throw it away."""
        self._file.close()
