"""Trained versions of a library: their files, the switch from one to another, and the index that follows."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from indexer.catalog.statements import encoders, versions
from indexer.catalog.statements.versions import Version
from indexer.config import Settings
from indexer.encoders import load_encoder
from indexer.encoders.names import split_precision
from indexer.encoders.trust import check_trust
from indexer.errors import LibraryError, TuningError
from indexer.store import Store
from indexer.store.library_encoder import LibraryEncoder
from indexer.types import ProgressCallback

logger = logging.getLogger(__name__)

UNTRAINED = 0
"""Number that stands for the encoder without any training."""

_TRAINED = re.compile(r"lora-\d{8}-\d{6}(\.\d+\.part)?")
"""Names of the folders of trained encoders, complete or partly written."""


def new_encoder_folder(store: Store) -> Path:
    """Return the path of a new folder in the library for a trained encoder."""
    time = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return own_folder(store, "encoders") / f"lora-{time}"


def own_folder(store: Store, name: str) -> Path:
    """Return the path of a folder in the library, which may be missing.

    Raises:
        LibraryError: It is a link: what is written to it or deleted in it would be elsewhere.
    """
    folder = store.path.absolute() / name
    if folder.is_symlink():
        raise LibraryError(f"{folder} is a link to another folder; delete it, or put the folder in its place")
    return folder


def delete_orphaned_folders(store: Store) -> None:
    """Delete the folders of trained encoders that the catalog does not name: a run was stopped before it finished."""
    with store.reading() as connection:
        names = {name for version in versions.versions(connection) for name in (version.name, version.encoder)}
        names |= set(encoders.encoder_names(connection))
    # by the last part of the path: the catalog of a library that was moved still has the old folders
    folders = {Path(split_precision(name)[0]).name for name in names if name}
    for folder in own_folder(store, "encoders").glob("lora-*"):
        if _TRAINED.fullmatch(folder.name) and folder.name not in folders and not folder.is_symlink():
            logger.info("deleting %s: no version uses it", folder)
            shutil.rmtree(folder, ignore_errors=True)


def switch_encoder(
    store: Store,
    library_encoder: LibraryEncoder,
    name: str,
    *,
    version: int | None,
    settings: Settings,
    progress: ProgressCallback | None,
) -> None:
    """Make another encoder the library's own and activate a version together with it.

    Args:
        store: The library; its write lock must be held.
        library_encoder: The library's loaded encoder; it takes the new one.
        name: The encoder.
        version: The version that made it; None for an encoder without training.
        settings: Device and batch size, and whether to trust the encoder.
        progress: Called with the progress.

    Raises:
        EncoderError: The encoder was never used on this machine, and the settings do not trust it.
    """
    from indexer.maintenance.reencode import use_encoder  # late: it loads what decodes pictures

    check_trust(name, is_trusted=settings.trust_encoder)
    encoder = load_encoder(name, device=settings.device, batch_size=settings.batch_size)
    change = use_encoder(store, encoder, settings=settings, version=version, progress=progress)
    if not change.is_new:
        with store.transaction() as connection:
            versions.activate_version(connection, version)
    library_encoder.replace(encoder)
    rebuild_index(store, progress)


def rebuild_index(store: Store, progress: ProgressCallback | None) -> None:
    """Bring the index up to date with the active version, and delete the indexes of other versions."""
    store.index(save=True, progress=progress)
    active = store.encoder
    store.delete_indexes(keep=[store.index_fingerprint, active.fingerprint if active else ""])


def rollback_target(existing: Mapping[int, Version], active: int | None, to: int | None) -> int:
    """Return the number of the version to roll back to.

    Args:
        existing: All versions by number.
        active: The active one; None for the encoder without training.
        to: The version that was asked for; None takes the one before the active one.

    Raises:
        TuningError: There is no such version.
    """
    if to is None:
        if active is None or active not in existing:
            raise TuningError("no trained version is active, so there is nothing to undo; see: recall versions")
        return existing[active].parent_id or UNTRAINED
    if to != UNTRAINED and to not in existing:
        numbers = f", or one of: {', '.join(map(str, existing))}" if existing else ""
        raise TuningError(f"there is no version {to}; expected 0 for the encoder without training{numbers}")
    if to != UNTRAINED and existing[to].kind == "lora" and existing[to].name is None:
        raise TuningError(f"version {to} changed nothing: no share of it was better; see: recall versions")
    return to


def required_encoder(existing: Mapping[int, Version], active: int | None, target: int) -> str | None:
    """Return the encoder that a version needs if it is not the library's present one, else None."""
    if target != UNTRAINED and existing[target].kind == "lora":
        return existing[target].name
    if active is None or existing[active].kind != "lora":
        return None
    trained = existing[active]
    if target == UNTRAINED or existing[target].encoder_id == trained.encoder_id:
        return trained.encoder
    return None
