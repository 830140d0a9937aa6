"""Replace approximate embeddings by those of the encoder, and delete those of former encoders."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from indexer.catalog.statements import reencoding, units
from indexer.catalog.statements.counts import Failure
from indexer.config import Settings
from indexer.encoders.base import Encoder
from indexer.errors import LibraryError
from indexer.maintenance.reencode.encode_units import encode_units
from indexer.store import Store
from indexer.sync.report import MAX_LISTED, SyncReport
from indexer.types import Progress, ProgressCallback

_PAGE_SIZE = 5000
"""Units that are looked up together."""


def reencode_approximate(
    store: Store,
    *,
    load: Callable[[], Encoder],
    settings: Settings,
    report: SyncReport,
    progress: ProgressCallback | None = None,
) -> None:
    """Replace approximate embeddings by those of the encoder, most used first, and add the counts to a report.

    Units without any embedding come first: exports omit approximate ones. A photo that cannot be read keeps its
    approximate embedding. When none is left, the embeddings of former encoders are deleted, except those that a
    rollback may need.

    Args:
        store: The library; the caller holds its write lock.
        load: Loads the encoder; called only if there is anything to encode.
        settings: Limits, workers and timeout of the decoder.
        report: The report to update.
        progress: Called with the number of units re-encoded so far.

    Raises:
        EncoderMismatchError: The loaded encoder is not the library's; nothing was changed.
    """
    record = store.encoder
    if record is None:
        return
    with store.reading() as connection:
        missing = reencoding.units_without_embedding(connection, record.id)
        unit_ids = np.concatenate([missing, reencoding.approximate_units(connection, record.id)])
    if len(unit_ids):
        encoder, notify = load(), progress or (lambda _: None)
        store.bind_encoder(encoder)  # the library's encoder, or the files of this one, may have changed
        done = 0
        notify(Progress("re-encoding", 0, len(unit_ids)))
        for start in range(0, len(unit_ids), _PAGE_SIZE):
            page = unit_ids[start : start + _PAGE_SIZE].tolist()
            with store.reading() as connection:
                contents = units.unit_contents(connection, page)
            in_order = [contents[unit_id] for unit_id in page if unit_id in contents]
            for batch in encode_units(in_order, encoder, settings, store.item_pictures):
                with store.transaction() as connection:
                    report.reencoded += units.save_embeddings(connection, record.id, batch.vectors, contents)
                for content, reason in batch.failed[: MAX_LISTED - len(report.not_reencoded)]:
                    report.not_reencoded.append(Failure(content.path, "approximate", reason))
                done += batch.count
                notify(Progress("re-encoding", done, len(unit_ids)))
                store.let_others_write()
    _delete_former(store, record.id, report)
    if report.reencoded:
        store.index(save=True, progress=progress)


def _delete_former(store: Store, encoder_id: int, report: SyncReport) -> None:
    """Count the approximate embeddings; if there are none, delete the embeddings of former encoders."""
    with store.transaction() as connection:
        report.approximate = reencoding.count_approximate(connection, encoder_id)
        former = reencoding.former_encoders(connection)
        if report.approximate or not former:
            return
        obsolete = [record for record in former if not reencoding.is_rollback_target(connection, record.id)]
        for record in obsolete:
            reencoding.delete_embeddings(connection, record.id)
        reencoding.clear_former_encoders(connection)
    if obsolete:
        store.drop_old_graphs()
        store.delete_indexes(keep=[store.index_fingerprint])


def drop_encoder(store: Store, name: str | None = None) -> int:
    """Delete the embeddings of an inactive encoder and return how many there were.

    Approximate embeddings that were derived from them stay.

    Args:
        store: The library; the caller holds its write lock.
        name: The encoder; None for the one that was active before.

    Raises:
        LibraryError: The encoder is active, or the library has no embeddings of it.
    """
    with store.transaction() as connection:
        states = reencoding.encoder_states(connection)
        former = next(iter(reencoding.former_encoders(connection)), None)
        inactive = [state for state in states if not state.is_active]
        if name is not None:
            targets = [state for state in inactive if state.name == name]
        else:
            targets = [state for state in states if former is not None and state.fingerprint == former.fingerprint]
        if not targets:
            if any(state.is_active and state.name == name for state in states):
                raise LibraryError(f"encoder {name!r} is active; first run: recall encoder use OTHER")
            names = ", ".join(state.name for state in inactive) or "none"
            raise LibraryError(
                f"the library has no old embeddings of {name or 'a former encoder'}; encoders to drop: {names}"
            )
        deleted = sum(reencoding.delete_embeddings_of(connection, state.fingerprint) for state in targets)
    store.drop_old_graphs()
    store.delete_indexes(keep=[store.index_fingerprint])
    return deleted
