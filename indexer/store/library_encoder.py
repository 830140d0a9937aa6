"""The encoder of a library: which one it is, and on which device it is loaded."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from indexer.config import DEFAULT_ENCODER, Settings
from indexer.encoders import is_provided, load_encoder
from indexer.encoders.adapter import AdaptedEncoder
from indexer.encoders.base import Encoder
from indexer.encoders.full_encoder import FullEncoder, full_encoder
from indexer.encoders.gathering import GatheringEncoder
from indexer.encoders.names import Precision, full_name, in_precision, is_name, split_precision
from indexer.encoders.trust import check_trust
from indexer.errors import EncoderNotFoundError
from indexer.forking import ForkSafe, watch_forks
from indexer.store import Store, check_encoder, check_encoder_name


class LibraryEncoder(ForkSafe):
    """A library's encoder, loaded on first use, which can take seconds; safe to use from several threads."""

    def __init__(
        self, store: Store, settings: Settings, *, encoder: str | Encoder | None, precision: Precision | None
    ) -> None:
        """Choose the given encoder, else the library's, else that of the settings.

        Args:
            store: The library.
            settings: The device, and the encoder of a new library.
            encoder: The encoder that the library must have, by name or as an object; None accepts any.
            precision: The precision that the library's encoder must have; None accepts any.

        Raises:
            EncoderMismatchError: The library was indexed with another encoder.
        """
        self._store = store
        self._chosen_names = {
            split_precision(absolute_encoder_name(name))[0]
            for name in (encoder, settings.encoder)
            if isinstance(name, str)
        }
        self._settings = settings
        self._required_name = absolute_encoder_name(encoder) if isinstance(encoder, str) else None
        self._loaded = None if encoder is None or isinstance(encoder, str) else full_encoder(encoder)
        self._is_required = encoder is not None or precision is not None
        self._is_on_query_device = False  # loaded for queries, not on the device of the settings
        self._adapted: AdaptedEncoder | None = None
        self._gathers = False
        self._gathering: tuple[FullEncoder, GatheringEncoder] | None = None
        self._lock = threading.Lock()
        watch_forks(self)
        if precision is not None:
            self._required_name = in_precision(self._name(), precision)
        record = store.encoder
        name = self._loaded.name if self._loaded else self._required_name
        if record is not None and name is not None:
            check_encoder_name(record, name)

    def after_fork_in_child(self) -> None:
        """Have a lock of this process."""
        self._lock, self._gathering = threading.Lock(), None

    @property
    def required_name(self) -> str | None:
        """Name of the encoder that the library must have; None if it may have any, or was given as an object."""
        return self._required_name

    def for_indexing(self) -> FullEncoder:
        """Return the encoder, without an adapter, on the device of the settings.

        Raises:
            EncoderNotFoundError: The encoder is not on this machine and cannot be downloaded.
            EncoderError: Only the library names the encoder, and the user does not trust it.
        """
        with self._lock:
            self._discard_replaced()
            if self._loaded is None or self._is_on_query_device:
                self._loaded, self._is_on_query_device = self._load(self._settings.device), False
            return self._loaded

    def for_query(self) -> FullEncoder:
        """Return the encoder for queries, with the active adapter; its vectors are comparable with the library's.

        Raises:
            EncoderMismatchError: The library was indexed with another encoder, or the adapter belongs to another.
            EncoderNotFoundError: The encoder is not on this machine and cannot be downloaded.
        """
        plain, adapter = self.plain_for_query(), self._store.adapter
        encoder: FullEncoder = plain
        with self._lock:
            if adapter is not None:
                if self._adapted is None or (self._adapted.base_encoder, self._adapted.adapter) != (plain, adapter):
                    self._adapted = AdaptedEncoder(plain, adapter)
                encoder = self._adapted
            if not self._gathers:
                return encoder
            if self._gathering is None or self._gathering[0] is not encoder:
                self._gathering = encoder, GatheringEncoder(encoder)
            return self._gathering[1]

    def gather_queries(self) -> None:
        """Encode the texts of queries that several threads bring at the same time in one call, from now on."""
        self._gathers = True

    def plain_for_query(self) -> FullEncoder:
        """Return the encoder for queries without an adapter.

        With the device "auto" it is loaded on the CPU: importing the libraries for a GPU takes seconds, encoding a
        query milliseconds. An encoder that is already loaded is used on its device, and the store searches there too.

        Raises:
            EncoderMismatchError: The library was indexed with another encoder.
            EncoderNotFoundError: The encoder is not on this machine and cannot be downloaded.
        """
        with self._lock:
            self._discard_replaced()
            if self._loaded is None:
                device = "cpu" if self._settings.device == "auto" else self._settings.device
                self._loaded, self._is_on_query_device = self._load(device), device != self._settings.device
            record = self._store.encoder
            if record is not None:
                check_encoder(record, self._loaded)
            self._store.device = self._loaded.device
            return self._loaded

    def replace(self, encoder: Encoder) -> None:
        """Use an encoder that has become the library's, in place of the required one."""
        with self._lock:
            self._required_name = encoder.name if self._required_name is not None else None
            self._chosen_names.add(split_precision(encoder.name)[0])
            self._loaded, self._is_on_query_device = full_encoder(encoder), False

    def _discard_replaced(self) -> None:
        """Unload the encoder if another process has changed the library's and the caller required none."""
        record = self._store.encoder
        if self._is_required or record is None or self._loaded is None:
            return
        if self._loaded.fingerprint != record.fingerprint:
            self._loaded = None

    def _load(self, device: str) -> FullEncoder:
        name = self._name()
        is_chosen = split_precision(name)[0] in self._chosen_names
        if not is_chosen and not is_name(split_precision(name)[0]):
            self._check_provided(name)
        check_trust(name, is_trusted=is_chosen or self._settings.trust_encoder)
        try:
            return load_encoder(name, device=device, batch_size=self._settings.batch_size)
        except EncoderNotFoundError:
            if not is_chosen:
                self._check_provided(name)
            raise

    def _check_provided(self, name: str) -> None:
        """Raise EncoderNotFoundError if nothing on this machine provides the library's encoder."""
        if not is_provided(name):
            raise EncoderNotFoundError(
                f"this library was indexed with the encoder {name!r}, which no installed package provides; install the "
                f"package that has it, give the encoder itself (in Python: Library.open({self._store.name!r}, "
                "encoder=ENCODER)), or change to another: recall encoder use NAME"
            )

    def _name(self) -> str:
        record = self._store.encoder
        default = self._settings.encoder or DEFAULT_ENCODER
        return self._required_name or (record.name if record else absolute_encoder_name(default))


def absolute_encoder_name(name: str) -> str:
    """Return an encoder's name as the catalog stores it: in full, with an absolute folder path."""
    plain, precision = split_precision(full_name(name))
    if plain.startswith("local-dir:"):
        plain = f"local-dir:{os.path.realpath(Path(plain.removeprefix('local-dir:')).expanduser())}"
    return in_precision(plain, precision)
