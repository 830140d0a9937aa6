"""Makes mapped embeddings anew with the encoder itself, and gives up those of the encoder before."""

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

PAGE_SIZE = 5000
"""Units that are looked up together."""


def reencode_approximate(
    store: Store,
    *,
    load: Callable[[], Encoder],
    settings: Settings,
    report: SyncReport,
    progress: ProgressCallback | None = None,
) -> None:
    """Put real embeddings in the place of mapped ones, the most used first, and note in the report what was done.

    Units that have none at all, since an export leaves mapped ones out, come before them. A photo that cannot be read
    keeps its mapped one. When none is left the former encoders' embeddings are deleted, unless what was learnt on one
    may be rolled back to.

    Args:
        store: The library; its write lock must be held.
        load: Gives the encoder; called only when something is mapped.
        settings: Limits, workers and time limit of the decoder.
        report: Gets the counts.
        progress: Told how far it has come.

    Raises:
        EncoderMismatchError: The encoder that was loaded is not the library's; nothing was changed.
    """
    known = store.encoder
    if known is None:
        return
    with store.reading() as connection:
        bare = reencoding.units_without_embedding(connection, known.id)
        left = np.concatenate([bare, reencoding.approximate_units(connection, known.id)])
    if len(left):
        encoder, told = load(), progress or (lambda _: None)
        store.bind_encoder(encoder)  # another process may have changed the library's, or somebody the files of this one
        done = 0
        told(Progress("encoding anew", 0, len(left)))
        for start in range(0, len(left), PAGE_SIZE):
            wanted = left[start : start + PAGE_SIZE].tolist()
            with store.reading() as connection:
                made_of = units.unit_contents(connection, wanted)
            in_order = [made_of[unit_id] for unit_id in wanted if unit_id in made_of]
            for batch in encode_units(in_order, encoder, settings):
                with store.transaction() as connection:
                    report.reencoded += units.save_embeddings(connection, known.id, batch.vectors, made_of)
                for content, reason in batch.failed[: MAX_LISTED - len(report.not_reencoded)]:
                    report.not_reencoded.append(Failure(content.path, "approximate", reason))
                done += batch.count
                told(Progress("encoding anew", done, len(left)))
    _note_completion(store, known.id, report)
    if report.reencoded:
        store.index(save=True, progress=progress)


def _note_completion(store: Store, encoder_id: int, report: SyncReport) -> None:
    """Count what is still mapped; where nothing is, delete the former encoders' embeddings and forget them."""
    with store.transaction() as connection:
        report.approximate = reencoding.count_approximate(connection, encoder_id)
        former = reencoding.former_encoders(connection)
        if report.approximate or not former:
            return
        given_up = [each for each in former if not reencoding.is_rollback_target(connection, each.id)]
        for each in given_up:
            reencoding.delete_embeddings(connection, each.id)
        reencoding.clear_former_encoders(connection)
    if given_up:
        store.delete_indexes(keep=[store.index_fingerprint])


def drop_encoder(store: Store, name: str | None = None) -> int:
    """Delete the embeddings of an encoder that is not active and return how many those were; mapped ones stay.

    Args:
        store: The library; its write lock must be held.
        name: The encoder; None takes the one that was active before.

    Raises:
        LibraryError: The encoder is active, or the library has no embeddings of it.
    """
    with store.transaction() as connection:
        states = {each.fingerprint: each for each in reencoding.encoder_states(connection)}
        former = next(iter(reencoding.former_encoders(connection)), None)
        idle = [each for each in states.values() if not each.is_active]
        found = [each for each in idle if each.name == name] if name else idle[:0]
        if name is None and former is not None and former.fingerprint in states:
            found = [states[former.fingerprint]]
        if not found:
            active = next((each.name for each in states.values() if each.is_active), None)
            if name is not None and name == active:
                raise LibraryError(
                    f"encoder {name!r} is the one that is searched with; first run: recall encoder use OTHER"
                )
            others = ", ".join(each.name for each in idle) or "none"
            raise LibraryError(
                f"the library has no old embeddings of {name or 'a former encoder'}; what can be dropped: {others}"
            )
        gone = sum(reencoding.delete_embeddings_of(connection, each.fingerprint) for each in found)
    store.delete_indexes(keep=[store.index_fingerprint])
    return gone
