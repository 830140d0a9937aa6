"""A library that is open: its files, its encoder, its settings."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from indexer.config import Settings
from indexer.encoders import check_name
from indexer.encoders.base import Encoder
from indexer.encoders.names import Precision
from indexer.errors import LibraryError
from indexer.store import Store
from indexer.store.library_encoder import LibraryEncoder
from retrieval.calibration import Calibrator

if TYPE_CHECKING:
    from retrieval.search.rerank import Reranker


class BaseLibrary:
    """The part of a `Library` that opens and closes it, and that the other parts stand on."""

    def __init__(
        self,
        settings: Settings,
        *,
        create: bool = True,
        encoder: str | Encoder | None = None,
        precision: Precision | None = None,
    ) -> None:
        """Open the library that the settings name; see `open`.

        Args:
            settings: Where the library is and how it works; its encoder is for a new library.
            create: Whether to make the library where there is none.
            encoder: The encoder that the library must have, by name or as an object.
            precision: That of the encoder that it must have by name, whichever that is.
        """
        if isinstance(encoder, str):
            check_name(encoder)  # before a library is made for it
        self._settings = settings
        self._reranker: dict[str, Reranker] = {}
        self._store = Store(settings.library, create=create)
        try:
            self._encoder = LibraryEncoder(self._store, settings, asked=encoder, precision=precision)
        except BaseException:  # whatever it is, also Ctrl-C: nobody else has the store yet, to close it
            self._store.close()
            raise
        self._calibrator = Calibrator(self._store, self._encoder.for_query)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        encoder: str | Encoder | None = None,
        device: str | None = None,
        create: bool = True,
    ) -> Self:
        """Return the library in a folder, made on first use.

        Args:
            path: The library's folder, for instance "photos.recall".
            encoder: Name of the encoder of a new library, or an encoder of your own; None takes the library's, and
                "compact" for a new one.
            device: "auto", "cpu", "cuda", "cuda:N" or "mps"; None takes RECALL_DEVICE, or "auto".
            create: Whether to make the library where there is none.

        Raises:
            LibraryError: The folder is missing, is no library, or is of a newer version.
            StorageError: It cannot be read or made.
            EncoderMismatchError: The library was indexed with another encoder.
            EncoderNotFoundError: No encoder has such a name.
        """
        return cls(Settings.load(library=Path(path), device=device), create=create, encoder=encoder)

    def close(self) -> None:
        """Close the library's files."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The library's folder."""
        return self._store.path

    @property
    def encoder(self) -> Encoder:
        """The library's encoder on the device of the settings, loaded when it is first needed, which can take seconds.

        Raises:
            EncoderNotFoundError: It is not on this machine and cannot be downloaded.
        """
        return self._encoder.by_settings()

    def _need_photos(self) -> None:
        """Refuse a library that holds none."""
        if self._store.encoder is None:
            raise LibraryError(f"{self.path} holds nothing yet; run: recall index FOLDER")
