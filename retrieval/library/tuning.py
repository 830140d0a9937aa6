"""Methods of `Library` that train on judgements and roll back."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from indexer.catalog.statements import versions as statements
from indexer.catalog.statements.versions import Version
from indexer.encoders.adapter import Adapter
from indexer.errors import TuningError
from indexer.store import Store
from indexer.types import ProgressCallback
from retrieval.library.base import BaseLibrary
from retrieval.library.versions import (
    UNTRAINED,
    delete_orphaned_folders,
    new_encoder_folder,
    own_folder,
    rebuild_index,
    required_encoder,
    rollback_target,
    switch_encoder,
)

if TYPE_CHECKING:
    from retrieval.tuning.lora.weights import InterpolatedWeights
    from retrieval.tuning.report import TuningReport

TuningMethod = Literal["adapter", "adapter-both", "lora"]
"""What `tune` trains."""


def tune(
    self: BaseLibrary,
    *,
    method: TuningMethod = "adapter",
    dry_run: bool = False,
    control_set: str | os.PathLike[str] | None = None,
    progress: ProgressCallback | None = None,
) -> TuningReport:
    """Train on the judgements, and return a report of the measured gain.

    The result is tested on judged queries that it was not trained on, and on a control set of general queries. Only if
    it improves the first and does not harm the second do searches use it from now on; otherwise it is kept as an
    inactive version. What was active before stays active until the new version is complete.

    "adapter" transforms query embeddings; no photo is read again. "adapter-both" also transforms the embeddings of the
    photos, so the index is rebuilt; it takes eight times as long. "lora" trains the encoder itself (Hu et al. 2021),
    which takes minutes to hours; a run that was stopped continues with the next call. It creates an open_clip model in
    the library's `encoders/` folder and switches to it as `use_encoder` does.

    Args:
        method: What to train.
        dry_run: Whether to measure only, and neither store nor change anything.
        control_set: A CSV file of captioned pictures to use as the control set; see `retrieval.evaluation`. None takes
            the control set that ships for `compact`, and general prompts on this library for other encoders.
        progress: Called with the progress.

    Raises:
        TuningError: There are too few judgements, or training fails; or "lora" is to tune a library on a server.
        MissingPackageError: "lora" needs PyTorch, open_clip and peft.
        EvaluationError: The table of captioned pictures cannot be used.
        LibraryLockedError: Another process is writing to the library.
        LibraryError: The library is empty.
    """
    from retrieval.tuning.tune import tune_library  # late: searching does not need it

    self._require_items()
    if method == "lora":
        _require_folder(self)
    with self._store.writing("tuning", is_run=True):
        checkpoints = own_folder(self._store, "tuning")
        if not dry_run:
            delete_orphaned_folders(self._store)
        change, report = tune_library(
            self._store,
            self._encoder.plain_for_query(),
            self._settings,
            checkpoints=checkpoints if method == "lora" else None,
            transform_photos=method == "adapter-both",
            control_table=None if control_set is None else Path(control_set).expanduser(),
            progress=progress,
        )
        active = self._store.encoder
        if dry_run or active is None:
            return replace(report, dry_run=True)
        version, name = _save_version(self._store, change, report, encoder_id=active.id, is_lora=method == "lora")
        if report.passed and name is not None:
            settings = replace(self._settings, trust_encoder=True)  # it was made here
            switch_encoder(self._store, self._encoder, name, version=version, settings=settings, progress=progress)
        elif report.passed:
            rebuild_index(self._store, progress)
        if method == "lora":
            shutil.rmtree(checkpoints, ignore_errors=True)  # no longer needed: the version is complete
    return report


def _require_folder(self: BaseLibrary) -> None:
    """Raise TuningError if the library is on a server."""
    if self._store.database.is_shared:
        raise TuningError(
            f"lora keeps the encoder that it trains in the library's folder, and {self.name} has none that its other "
            "users see; export it, import it into a folder library, and tune that"
        )


def versions(self: BaseLibrary) -> list[Version]:
    """Return the trained versions, oldest first; nothing is loaded."""
    with self._store.reading() as connection:
        return statements.versions(connection)


def rollback(self: BaseLibrary, to: int | None = None, *, progress: ProgressCallback | None = None) -> int:
    """Go back to the version that was active before the present one, and return its number, 0 for no training.

    All versions remain: any of them can be activated again by its number. If a version is an encoder of its own, or
    replaces one, the library's encoder changes as with `use_encoder`.

    Args:
        to: Number of the version to use; 0 is the encoder without training, None the version before the active one.
        progress: Called with the progress of the index.

    Raises:
        TuningError: There is no such version, it was trained on another encoder, or there is nothing to undo.
        EncoderNotFoundError: The encoder of the version is not on this machine.
        LibraryLockedError: Another process is writing to the library.
    """
    with self._store.writing("rolling back", is_run=True):
        encoder = self._store.encoder
        with self._store.reading() as connection:
            existing = {version.id: version for version in statements.versions(connection)}
            active = statements.active_version_id(connection)
        target = rollback_target(existing, active, to)
        name = required_encoder(existing, active, target)
        if name is not None:
            switch_encoder(
                self._store, self._encoder, name, version=target or None, settings=self._settings, progress=progress
            )
            return target
        if target != UNTRAINED and (encoder is None or existing[target].encoder_id != encoder.id):
            raise TuningError(
                f"version {target} was trained on encoder {existing[target].encoder!r}, which is not the library's "
                "encoder now; run: recall tune, to train on the same judgements again"
            )
        with self._store.transaction() as connection:
            statements.activate_version(connection, target or None)
        if encoder is not None:
            rebuild_index(self._store, progress)
    return target


def _save_version(
    store: Store, change: Adapter | InterpolatedWeights | None, report: TuningReport, *, encoder_id: int, is_lora: bool
) -> tuple[int, str | None]:
    """Store a version, active at once if it is an adapter that passed; return its number and a new encoder's name."""
    name = None if change is None or isinstance(change, Adapter) else change.save(new_encoder_folder(store))
    with store.transaction() as connection:
        version = statements.add_version(
            connection,
            kind="lora" if is_lora else "adapter",
            encoder_id=encoder_id,
            report=report.to_dict(),
            weights=change.to_bytes() if isinstance(change, Adapter) else None,  # None: no change was the best
            name=name,
        )
        if report.passed and name is None:
            statements.activate_version(connection, version)
    return version, name
