"""Methods of `Library` that list and change its encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.catalog.statements import reencoding
from indexer.catalog.statements.reencoding import EncoderState
from indexer.encoders import check_name, load_encoder
from indexer.encoders.base import Encoder
from indexer.encoders.trust import trust
from indexer.store.library_encoder import absolute_encoder_name
from indexer.types import ProgressCallback
from retrieval.library.base import BaseLibrary

if TYPE_CHECKING:
    from indexer.maintenance.reencode import EncoderChange


def use_encoder(
    self: BaseLibrary, encoder: str | Encoder, *, progress: ProgressCallback | None = None
) -> EncoderChange:
    """Switch the library to another encoder at once, and return a report of the change.

    A sample of the photos and texts is encoded with it. The other embeddings are approximate until `sync` re-encodes
    them: a linear map computes them from those of the former encoder. The former encoder answers until the switch is
    complete. A run that was stopped continues where it left off when it is started again.

    Args:
        encoder: Its name, or an encoder object. Weights that are not on this machine are downloaded; name, size and
            licence are logged first.
        progress: Called with the progress.

    Raises:
        EncoderNotFoundError: There is no such encoder, or it cannot be downloaded.
        EncoderError: It can encode nothing in the library.
        LibraryError: The library is empty.
        LibraryLockedError: Another process is writing to the library.
        StorageError: The disk is full or read-only; committed work is kept.
    """
    from indexer.maintenance import reencode  # late: it loads what decodes pictures

    if isinstance(encoder, str):
        check_name(encoder)
        self._require_items()
        from indexer.encoders.download import fetch  # late, as the next: it loads ONNX Runtime
        from indexer.encoders.pending import pending_download

        settings, name = self._settings, absolute_encoder_name(encoder)
        pending = pending_download(name)
        if pending is not None:
            fetch(pending, progress=progress)
        encoder = load_encoder(name, device=settings.device, batch_size=settings.batch_size)
    trust(encoder.name)
    with self._store.writing("changing the encoder", is_run=True):
        change = reencode.use_encoder(self._store, encoder, settings=self._settings, progress=progress)
    self._encoder.replace(encoder)
    return change


def encoders(self: BaseLibrary) -> list[EncoderState]:
    """Return the encoders that the library has embeddings of, oldest first."""
    with self._store.reading() as connection:
        return reencoding.encoder_states(connection)


def drop_encoder(self: BaseLibrary, name: str | None = None, *, progress: ProgressCallback | None = None) -> int:
    """Delete the embeddings of an inactive encoder, and return how many there were.

    Approximate embeddings that were computed from them stay until `sync` re-encodes them.

    Args:
        name: The encoder; None takes the one that was active before.
        progress: Called with the progress.

    Raises:
        LibraryError: The encoder is active, or the library has no embeddings of it.
        LibraryLockedError: Another process is writing to the library.
    """
    from indexer.maintenance.reencode import drop_encoder  # late: it loads what decodes pictures

    with self._store.writing("dropping an encoder", is_run=True):
        count = drop_encoder(self._store, None if name is None else absolute_encoder_name(name))
        self._store.vacuum(progress)
    return count
