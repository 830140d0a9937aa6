"""What a library learns from what its user said, and how that is undone."""

from __future__ import annotations

import logging
import os
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from indexer.catalog.statements import encoders, versions
from indexer.catalog.statements.versions import Version
from indexer.encoders import load_encoder
from indexer.encoders.adapter import Adapter
from indexer.encoders.names import split_precision
from indexer.errors import TuningError
from indexer.types import ProgressCallback
from retrieval.library.base import BaseLibrary

if TYPE_CHECKING:
    from retrieval.tuning.report import TuningReport

logger = logging.getLogger(__name__)

TRAINED = re.compile(r"lora-\d{8}-\d{6}(\.\d+\.part)?")
"""The folders that are made for trained encoders, whole or in the making."""

PLAIN = 0
"""Stands for the encoder without anything learnt, where a version is asked for by its number."""


class Tuning(BaseLibrary):
    """The part of a `Library` that learns."""

    def tune(
        self,
        *,
        method: Literal["adapter", "adapter-both", "lora"] = "adapter",
        dry_run: bool = False,
        probe: str | os.PathLike[str] | None = None,
        progress: ProgressCallback | None = None,
    ) -> TuningReport:
        """Learn from the judgements, and return the receipt of what that is worth.

        It is tried on judged queries that it has not seen, and on general ones that belong to no user. Only where it is
        better on the first and does no harm to the second do searches use it from now on; else it is kept, inactive.
        Whatever happens, what was active before stays active until the new version is whole.

        "adapter" transforms queries behind the encoder: no photo is read again. "adapter-both" transforms the photos'
        embeddings too, so that the index is made anew; it takes eight times as long. "lora" trains the encoder itself
        (Hu et al. 2021), which takes minutes to hours, and a run that was stopped goes on with the next call; what it
        gives is an open_clip model in `encoders/` of the library, put to use as by `use_encoder`.

        Args:
            method: What is learnt.
            dry_run: Whether to keep and change nothing.
            probe: A CSV file of captioned pictures to use as the general queries, see `retrieval.evaluation`; None
                takes those that come with Recall for `compact`, and for other encoders general words on this library.
            progress: Called with how far it has come.

        Raises:
            TuningError: There are too few judgements, or learning from them fails.
            MissingPackageError: "lora" needs PyTorch, open_clip and peft.
            EvaluationError: The table of captioned pictures cannot be used.
            LibraryLockedError: Another process is writing to the library.
            LibraryError: The library holds nothing yet.
        """
        from retrieval.tuning.tune import learn  # late: searching needs none of it

        self._need_photos()
        with self._store.writing("tuning"):
            checkpoints = self._store.path / "tuning"
            if not dry_run:
                self._sweep()
            change, receipt = learn(
                self._store,
                self._encoder.plain_for_query(),
                self._settings,
                weights=checkpoints if method == "lora" else None,
                both=method == "adapter-both",
                probe=None if probe is None else Path(probe),
                progress=progress,
            )
            known = self._store.encoder
            if dry_run or known is None:
                return replace(receipt, dry_run=True)
            name = None if change is None or isinstance(change, Adapter) else change.save(self._folder())
            with self._store.transaction() as connection:
                version = versions.add_version(
                    connection,
                    kind="lora" if method == "lora" else "adapter",
                    encoder_id=known.id,
                    receipt=receipt.to_dict(),
                    weights=change.to_bytes() if isinstance(change, Adapter) else None,  # None: no change was the best
                    name=name,
                )
                if receipt.passed and name is None:
                    versions.activate_version(connection, version)
            if receipt.passed and name is not None:
                self._change_encoder(name, version, progress)
            elif receipt.passed:
                self._renew_index(progress)
            if method == "lora":
                shutil.rmtree(checkpoints, ignore_errors=True)  # the version is whole
        return receipt

    def versions(self) -> list[Version]:
        """Return what was learnt so far, oldest first; nothing is loaded."""
        with self._store.reading() as connection:
            return versions.versions(connection)

    def rollback(self, to: int | None = None, *, progress: ProgressCallback | None = None) -> int:
        """Go back to what was active before the active version was learnt, and return its number, 0 for nothing.

        The versions stay: with its number any of them is made active again. Where the version is an encoder of its own,
        or takes its place, the library's encoder is changed as by `use_encoder`.

        Args:
            to: Number of the version to use; 0 uses the encoder as it is, None takes the one before.
            progress: Called with how far the index is.

        Raises:
            TuningError: There is no such version, or it was learnt on another encoder, or there is nothing to undo.
            EncoderNotFoundError: The encoder of the version is not on this machine.
            LibraryLockedError: Another process is writing to the library.
        """
        with self._store.writing("rolling back"):
            known = self._store.encoder
            with self._store.reading() as connection:
                found = {version.id: version for version in versions.versions(connection)}
                active = versions.active_version_id(connection)
            target = _target(found, active, to)
            name = _encoder_of(found, active, target)
            if name is not None:
                self._change_encoder(name, target or None, progress)
                return target
            if target != PLAIN and (known is None or found[target].encoder_id != known.id):
                raise TuningError(
                    f"version {target} was learnt on encoder {found[target].encoder!r}, which is not the library's "
                    "now; run: recall tune, to learn from the same judgements again"
                )
            with self._store.transaction() as connection:
                versions.activate_version(connection, target or None)
            if known is not None:
                self._renew_index(progress)
        return target

    def _change_encoder(self, name: str, version: int | None, progress: ProgressCallback | None) -> None:
        """Make an encoder the library's own, together with a version."""
        from indexer.maintenance.reencode import use_encoder  # late: what decodes is not needed for searching

        settings = self._settings
        encoder = load_encoder(name, device=settings.device, batch_size=settings.batch_size)
        change = use_encoder(self._store, encoder, settings=settings, version=version, progress=progress)
        if not change.is_new:
            with self._store.transaction() as connection:
                versions.activate_version(connection, version)
        self._encoder.take(encoder)
        self._renew_index(progress)

    def _folder(self) -> Path:
        """Return a new folder of the library for a trained encoder."""
        made = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        return self._store.path.absolute() / "encoders" / f"lora-{made}"

    def _sweep(self) -> None:
        """Delete trained encoders that no version and no encoder of the catalog names: of a run that was stopped."""
        with self._store.reading() as connection:
            known = {
                encoder for version in versions.versions(connection) for encoder in (version.name, version.encoder)
            }
            known |= set(encoders.encoder_names(connection))
        # by the last part, since a library that was moved names the folders where they were
        kept = {Path(split_precision(name)[0]).name for name in known if name}
        for folder in (self._store.path / "encoders").glob("lora-*"):
            if TRAINED.fullmatch(folder.name) and folder.name not in kept and not folder.is_symlink():
                logger.info("deleting %s: no version is made of it", folder)
                shutil.rmtree(folder, ignore_errors=True)

    def _renew_index(self, progress: ProgressCallback | None) -> None:
        """Bring the index in step with what is active, and delete those of other versions."""
        store = self._store
        store.index(save=True, progress=progress)
        known = store.encoder
        store.drop_indexes(kept=[store.index_fingerprint, known.fingerprint if known else ""])


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
    if to != PLAIN and found[to].kind == "lora" and found[to].name is None:
        raise TuningError(f"version {to} changed nothing: no share of it was better; see: recall versions")
    return to


def _encoder_of(found: dict[int, Version], active: int | None, target: int) -> str | None:
    """Return the encoder that a version needs in the place of the library's; None where it takes that as it is."""
    if target != PLAIN and found[target].kind == "lora":
        return found[target].name
    if active is None or found[active].kind != "lora":
        return None
    base = found[active]
    if target == PLAIN or found[target].encoder_id == base.encoder_id:
        return base.encoder
    return None
