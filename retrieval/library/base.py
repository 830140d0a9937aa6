"""An open library: its store, encoder, settings and calibrator."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from indexer.config import Settings
from indexer.database_url import DatabaseUrl
from indexer.encoders import check_name
from indexer.encoders.base import Encoder
from indexer.encoders.full_encoder import FullEncoder
from indexer.encoders.names import Precision
from indexer.errors import LibraryError
from indexer.forking import load_fork_hooks
from indexer.store import Store
from indexer.store.library_encoder import LibraryEncoder
from retrieval.calibration.calibrator import Calibrator
from retrieval.library.calls import Calls
from retrieval.query.query import Query
from retrieval.query.resolve_filters import resolve_filter
from retrieval.search.rerank.protocol import Reranker
from retrieval.search.rerank.registry import make_rerankers


class BaseLibrary:
    """Opens and closes a library. The methods of `Library` are functions of an object of this class."""

    def __init__(
        self,
        settings: Settings,
        *,
        create: bool = True,
        encoder: str | Encoder | None = None,
        precision: Precision | None = None,
        read_only: bool = False,
    ) -> None:
        """Open the library that the settings name; see `open`.

        Args:
            settings: Path of the library, limits, device; `settings.encoder` is the encoder of a new library.
            create: Whether to create the library if it does not exist.
            encoder: The encoder that the library must have, as a name or an object.
            precision: The precision that its encoder must have, whichever encoder it is.
            read_only: Whether to write nothing to it.
        """
        if isinstance(encoder, str):
            check_name(encoder)  # before a library is created for it
        self._settings = settings
        self._rerankers: dict[str, Reranker] = {}
        with settings.active():
            self._store = Store(settings.library, create=create, read_only=read_only)
        self._store.wait = settings.wait
        self._store.settings = settings
        try:
            self._encoder = LibraryEncoder(self._store, settings, encoder=encoder, precision=precision)
        except BaseException:  # also Ctrl-C: the caller has no object to close yet
            self._store.close()
            raise
        self._calibrator = Calibrator(self._store)
        self._calls = Calls(self._store, settings)
        self._has_encoder_object = encoder is not None and not isinstance(encoder, str)

    def __reduce__(self) -> tuple[Callable[..., BaseLibrary], tuple[object, ...]]:
        """Return how another process opens this library again: by its path and settings.

        Raises:
            LibraryClosedError: It is closed.
            TypeError: It was opened with an encoder object.
        """
        self._store.check_open()
        if self._has_encoder_object:
            raise TypeError(
                f"the library {self.name} was opened with an encoder object, which is not pickled; give the encoder by "
                "its name, or open the library in each process"
            )
        place = self._settings.library
        settings = replace(self._settings, library=Path(os.path.abspath(place)) if isinstance(place, Path) else place)
        return _reopen, (type(self), settings, self._encoder.required_name, self._store.read_only)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | DatabaseUrl,
        *,
        encoder: str | Encoder | None = None,
        device: str | None = None,
        create: bool = True,
        wait: float | None = None,
        trust_encoder: bool | None = None,
        read_only: bool = False,
        config: bool = True,
        batch_size: int | None = None,
        workers: int | None = None,
        threads: int | None = None,
        max_pixels: int | None = None,
        max_bytes: int | None = None,
        timeout: float | None = None,
        cache: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Return the library in a folder or on a server, which is created on first use.

        What is None takes the environment variable RECALL_…, else the user's settings file, else the default; with
        `config=False` the default at once.

        Args:
            path: The library's folder, for instance "photos.recall", or the URL of a PostgreSQL database that keeps it:
                "postgresql://[user@]host[:port]/database". A password comes from PGPASSWORD or a .pgpass file.
            encoder: Name of an encoder, or an encoder object. None takes the library's own, and "compact" for a new
                library.
            device: "auto", "cpu", "cuda", "cuda:N" or "mps"; by default "auto".
            create: Whether to create the library if it does not exist.
            wait: Seconds that each write waits for another writer before it raises LibraryLockedError; 0 does not
                wait. By default 30.
            trust_encoder: Whether to load an encoder that only the library names: a folder or a repository that you
                have never named on this machine. By default False: its first use raises EncoderError.
            read_only: Whether to write nothing to the library: it is not created, every method that writes raises
                LibraryError, and an index that is behind is brought up to date in memory only.
            config: Whether the environment, the user's settings file and the list of encoders that the user trusts
                count. An app passes False, so that it behaves alike on every machine.
            batch_size: Pictures per call of the encoder; by default what suits the device.
            workers: Processes that decode pictures; by default one per processor. 0 decodes in threads of this process,
                where a decoder that crashes ends the process and one that hangs keeps its thread.
            threads: Threads of the encoder on the CPU; by default one per processor.
            max_pixels: Pictures with more pixels are refused; by default 200,000,000.
            max_bytes: Files with more bytes are refused; by default 536,870,912.
            timeout: Seconds after which the decoding of one picture is given up; by default 60.
            cache: Folder for exported encoders, and for index files of libraries on servers; by default `recall` in
                the user's cache folder.

        Raises:
            ConfigError: An argument, a variable or an entry of the settings file has a value that cannot be used.
            LibraryError: The folder does not exist, is not a library, or was written by a newer version of Recall.
            StorageError: The folder cannot be read or created, or the server cannot be used.
            MissingPackageError: The package for the server is not installed.
            EncoderMismatchError: The library was indexed with another encoder.
            EncoderNotFoundError: There is no encoder of this name.
        """
        load_fork_hooks()
        settings = Settings.load(
            config=config,
            library=path if isinstance(path, str | DatabaseUrl) else Path(path),  # which refuses None and bytes
            device=device,
            wait=wait,
            trust_encoder=trust_encoder,
            batch_size=batch_size,
            workers=workers,
            threads=threads,
            max_pixels=max_pixels,
            max_bytes=max_bytes,
            timeout=timeout,
            cache=cache,
        )
        return cls(settings, create=create, encoder=encoder, read_only=read_only)

    def close(self) -> None:
        """Close the library's files. Calling it twice is safe.

        Calls of other threads either return their result or raise LibraryClosedError, as every later call does. `close`
        waits up to five seconds for them; if one takes longer, the files are closed when it ends.
        """
        self._calls.close()

    def __enter__(self) -> Self:
        self._store.check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The library's folder; for a library on a server, the folder of its index files on this machine."""
        return self._store.path

    @property
    def name(self) -> str:
        """The library's folder or URL, as messages say it."""
        return self._store.name

    @property
    def encoder(self) -> FullEncoder:
        """The library's encoder on the configured device. It is loaded on first use, which can take seconds.

        Raises:
            EncoderNotFoundError: The encoder is not on this machine and cannot be downloaded.
            LibraryClosedError: The library is closed.
        """
        with self._calls.call():
            return self._encoder.for_indexing()

    def gather_queries(self) -> None:
        """Encode the words of searches in several threads together from now on: more searches a second, for servers.

        A search that is alone is as fast as before, and every search has the same results.
        """
        self._encoder.gather_queries()

    def _require_items(self) -> None:
        """Raise LibraryError if the library is empty."""
        if self._store.encoder is None:
            raise LibraryError(f"{self.name} holds nothing yet; run: recall index FOLDER")

    def _resolve(self, query: Query) -> Query:
        """Return a query whose filter has folders and photos as the catalog knows them; raise if there are no items.

        Raises:
            QueryError: A folder of the filter is not indexed, or a photo has no position.
            LibraryError: The library is empty.
        """
        resolved = replace(query, where=resolve_filter(self._store, query.where))
        self._require_items()
        return resolved

    def _load_rerankers(self, rerank: Sequence[str | Reranker]) -> list[Reranker]:
        """Return the rerankers; those given by name are cached, so that their encoders are loaded once."""
        return [
            self._rerankers.setdefault(name, reranker) if isinstance(name, str) else reranker
            for name, reranker in zip(rerank, make_rerankers(rerank), strict=True)
        ]


def _reopen(kind: type[BaseLibrary], settings: Settings, encoder: str | None, read_only: bool) -> BaseLibrary:  # noqa: FBT001 - pickle passes arguments by position
    """Return the library that was pickled, opened in this process."""
    return kind(settings, create=False, encoder=encoder, read_only=read_only)
