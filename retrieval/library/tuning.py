"""What a library learns from what its user said, and how that is undone."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.catalog import versions
from indexer.catalog.versions import Version
from indexer.errors import TuningError
from indexer.types import ProgressCallback
from retrieval.library.opening import Opened

if TYPE_CHECKING:
    from retrieval.tuning.receipt import Receipt

logger = logging.getLogger(__name__)

PLAIN = 0
"""Stands for the encoder without anything learnt, where a version is asked for by its number."""


class Tuning(Opened):
    """The part of a `Library` that learns."""

    def tune(
        self,
        *,
        dry_run: bool = False,
        probe: str | os.PathLike[str] | None = None,
        progress: ProgressCallback | None = None,
    ) -> Receipt:
        """Learn an adapter from the judgements, and return the receipt of what it is worth.

        It is tried on judged queries that it has not seen, and on general ones that belong to no user. Only where it is
        better on the first and does no harm to the second do searches use it from now on; else it is kept, inactive.
        No photo is read again. Whatever happens, what was active before stays active until the new version is whole.

        Args:
            dry_run: Whether to keep and change nothing.
            probe: A CSV file of captioned pictures to use as the general queries, see `retrieval.evaluate`; None takes
                those that come with Recall for `compact`, and for other encoders general words on this library.
            progress: Called with how far it has come.

        Raises:
            TuningError: There are too few judgements, or learning from them fails.
            EvaluationError: The table of captioned pictures cannot be used.
            LibraryLockedError: Another process is writing to the library.
            LibraryError: The library holds nothing yet.
        """
        from retrieval.tuning.learning import learn  # late: searching needs none of it

        self._need_photos()
        with self._store.writing("tuning"):
            adapter, receipt = learn(
                self._store,
                self._encoder.plain_for_query(),
                self._settings,
                probe=None if probe is None else Path(probe),
                progress=progress,
            )
            known = self._store.encoder
            if dry_run or known is None:
                return receipt
            with self._store.transaction() as connection:
                version = versions.add_version(
                    connection,
                    kind="adapter",
                    encoder_id=known.id,
                    receipt=receipt.to_dict(),
                    weights=None if adapter is None else adapter.to_bytes(),  # None: no change was the best
                )
                if receipt.passed:
                    versions.activate(connection, version)
            if receipt.passed:
                self._renew_index(progress)
        return receipt

    def versions(self) -> list[Version]:
        """Return what was learnt so far, oldest first; nothing is loaded."""
        with self._store.reading() as connection:
            return versions.versions(connection)

    def rollback(self, to: int | None = None, *, progress: ProgressCallback | None = None) -> int:
        """Go back to what was active before the active version was learnt, and return its number, 0 for nothing.

        The versions stay: with its number any of them is made active again.

        Args:
            to: Number of the version to use; 0 uses the encoder as it is, None takes the one before.
            progress: Called with how far the index is.

        Raises:
            TuningError: There is no such version, or it was learnt on another encoder, or there is nothing to undo.
            LibraryLockedError: Another process is writing to the library.
        """
        with self._store.writing("rolling back"):
            known = self._store.encoder
            with self._store.transaction() as connection:
                found = {version.id: version for version in versions.versions(connection)}
                active = versions.active_id(connection)
                target = _target(found, active, to)
                if target != PLAIN and (known is None or found[target].encoder_id != known.id):
                    raise TuningError(
                        f"version {target} was learnt on encoder {found[target].encoder!r}, which is not the library's "
                        "now; run: recall tune, to learn from the same judgements again"
                    )
                versions.activate(connection, target or None)
            if known is not None:
                self._renew_index(progress)
        return target

    def _renew_index(self, progress: ProgressCallback | None) -> None:
        """Bring the index in step with what is active, and delete those of other versions."""
        store = self._store
        store.index(save=True, progress=progress)
        known = store.encoder
        needed = {store.index_file(each) for each in (store.index_fingerprint, known.fingerprint if known else "")}
        for file in store.path.glob("index-*.faiss"):
            if file not in needed:
                file.unlink(missing_ok=True)


def _target(found: dict[int, Version], active: int | None, to: int | None) -> int:
    """Return the number of the version to go back to.

    Raises:
        TuningError: There is none.
    """
    if to is None:
        if active is None or active not in found:
            raise TuningError("nothing that was learnt is active, so there is nothing to undo; see: recall versions")
        return found[active].parent_id or PLAIN
    if to != PLAIN and to not in found:
        numbers = ", ".join(map(str, found)) or "none yet"
        raise TuningError(f"there is no version {to}; expected 0 for the encoder as it is, or one of: {numbers}")
    if to != PLAIN and found[to].kind != "adapter":
        raise TuningError(f"version {to} is an encoder of its own; run: recall encoder use {found[to].name}")
    return to
