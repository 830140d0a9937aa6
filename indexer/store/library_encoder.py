"""The encoder of a library: which one it is, and where it is loaded."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from indexer.config import DEFAULT_ENCODER, Settings
from indexer.encoders import load_encoder
from indexer.encoders.adapter import AdaptedEncoder
from indexer.encoders.base import Encoder
from indexer.encoders.names import Precision, in_precision, split_precision
from indexer.store import Store, check_encoder, check_encoder_name


class LibraryEncoder:
    """A library's encoder, loaded when it is first needed, which can take seconds; any thread may ask for it."""

    def __init__(
        self, store: Store, settings: Settings, *, encoder: str | Encoder | None, precision: Precision | None
    ) -> None:
        """Choose the encoder: the one asked for, else the library's own, else that of the settings.

        Args:
            store: The library.
            settings: Where the encoder runs, and which one a new library gets.
            encoder: The encoder that the library must have, by name or as an object.
            precision: That of the encoder that it must have by name, whichever that is.

        Raises:
            EncoderMismatchError: The library was indexed with another.
        """
        self._store = store
        self._settings = settings
        self._named = absolute_encoder_name(encoder) if isinstance(encoder, str) else None
        self._loaded = None if isinstance(encoder, str) else encoder
        self._is_pinned = encoder is not None or precision is not None
        self._is_for_queries = False  # it was loaded where queries run, not where the settings say
        self._adapted: AdaptedEncoder | None = None
        self._loading = threading.Lock()
        if precision is not None:
            self._named = in_precision(self._name(), precision)
        known = store.encoder
        wanted = self._loaded.name if self._loaded else self._named
        if known is not None and wanted is not None:
            check_encoder_name(known, wanted)

    def for_indexing(self) -> Encoder:
        """Return the encoder on the device of the settings, without what was learnt: so embeddings are kept.

        Raises:
            EncoderNotFoundError: It is not on this machine and cannot be downloaded.
        """
        with self._loading:
            self._leave_former()
            if self._loaded is None or self._is_for_queries:
                self._loaded, self._is_for_queries = self._load(self._settings.device), False
            return self._loaded

    def for_query(self) -> Encoder:
        """Return the encoder for a query with what was learnt for it, sure that its vectors may meet the library's.

        Raises:
            EncoderMismatchError: The library was indexed with another, or what was learnt is for another.
            EncoderNotFoundError: It is not on this machine and cannot be downloaded.
        """
        plain, adapter = self.plain_for_query(), self._store.adapter
        if adapter is None:
            return plain
        with self._loading:
            if self._adapted is None or (self._adapted.base_encoder, self._adapted.adapter) != (plain, adapter):
                self._adapted = AdaptedEncoder(plain, adapter)
            return self._adapted

    def plain_for_query(self) -> Encoder:
        """Return the encoder for a query without what was learnt, as the catalog's embeddings are.

        With the device "auto" it is loaded on the CPU: what a GPU needs takes seconds to import, one query a few
        milliseconds. An encoder that is loaded already serves wherever it is, and where it is the store searches.

        Raises:
            EncoderMismatchError: The library was indexed with another.
            EncoderNotFoundError: It is not on this machine and cannot be downloaded.
        """
        with self._loading:
            self._leave_former()
            if self._loaded is None:
                device = "cpu" if self._settings.device == "auto" else self._settings.device
                self._loaded, self._is_for_queries = self._load(device), device != self._settings.device
            known = self._store.encoder
            if known is not None:
                check_encoder(known, self._loaded)
            self._store.device = self._loaded.device
            return self._loaded

    def replace(self, encoder: Encoder) -> None:
        """Take the encoder that the library has been given meanwhile, in the place of the one that was asked for."""
        with self._loading:
            self._named = encoder.name if self._named is not None else None
            self._loaded, self._is_for_queries = encoder, False

    def _leave_former(self) -> None:
        """Forget what was loaded where another process has changed the library's encoder and nobody asked for one."""
        known = self._store.encoder
        if self._is_pinned or known is None or self._loaded is None:
            return
        if self._loaded.fingerprint != known.fingerprint:
            self._loaded = None

    def _load(self, device: str) -> Encoder:
        return load_encoder(self._name(), device=device, batch_size=self._settings.batch_size)

    def _name(self) -> str:
        known = self._store.encoder
        return self._named or (
            known.name if known else absolute_encoder_name(self._settings.encoder or DEFAULT_ENCODER)
        )


def absolute_encoder_name(name: str) -> str:
    """Return an encoder's name with the path of a folder made absolute: it is stored, and found from anywhere."""
    plain, precision = split_precision(name)
    if plain.startswith("local-dir:"):
        plain = f"local-dir:{os.path.realpath(Path(plain.removeprefix('local-dir:')).expanduser())}"
    return in_precision(plain, precision)
