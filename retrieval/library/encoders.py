"""Which encoder a library is searched with, and the way to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.catalog.statements import reencoding
from indexer.catalog.statements.reencoding import EncoderState
from indexer.encoders import check_name, load_encoder
from indexer.encoders.base import Encoder
from indexer.store.library_encoder import absolute_name
from indexer.types import ProgressCallback
from retrieval.library.base import BaseLibrary

if TYPE_CHECKING:
    from indexer.maintenance.reencode import EncoderChange


class Encoders(BaseLibrary):
    """The part of a `Library` that changes its encoder."""

    def use_encoder(self, encoder: str | Encoder, *, progress: ProgressCallback | None = None) -> EncoderChange:
        """Make another encoder the library's own at once, and return what was done.

        A sample of the photos and texts is encoded with it; the other embeddings are mapped, and `sync` makes them
        anew. Until the very end the old encoder answers; a run that is stopped goes on where it was with the next one.

        Args:
            encoder: By name, or as an object.
            progress: Called with how far it has come.

        Raises:
            EncoderNotFoundError: There is no such encoder, or it cannot be downloaded.
            EncoderError: It can encode nothing of the library.
            LibraryError: The library holds nothing yet.
            LibraryLockedError: Another process is writing to the library.
            StorageError: The disk is full or read-only; what was committed is kept.
        """
        from indexer.maintenance.reencode import use_encoder  # late: what decodes is not needed for searching

        if isinstance(encoder, str):
            check_name(encoder)
            self._need_photos()
            settings = self._settings
            encoder = load_encoder(absolute_name(encoder), device=settings.device, batch_size=settings.batch_size)
        with self._store.writing("changing the encoder"):
            change = use_encoder(self._store, encoder, settings=self._settings, progress=progress)
        self._encoder.take(encoder)
        return change

    def encoders(self) -> list[EncoderState]:
        """Return the encoders that the library has embeddings of, the oldest first."""
        with self._store.reading() as connection:
            return reencoding.encoder_states(connection)

    def drop_encoder(self, name: str | None = None, *, progress: ProgressCallback | None = None) -> int:
        """Delete the embeddings of an encoder that is not active, and return how many those were.

        Embeddings that were mapped from them stay until `sync` makes them anew.

        Args:
            name: The encoder; None takes the one that was active before.
            progress: Called with how far it has come.

        Raises:
            LibraryError: The encoder is active, or the library has no embeddings of it.
            LibraryLockedError: Another process is writing to the library.
        """
        from indexer.maintenance.reencode import drop_former  # late, as above

        with self._store.writing("dropping an encoder"):
            dropped = drop_former(self._store, None if name is None else absolute_name(name))
            self._store.vacuum(progress)
        return dropped
