"""Decodes and encodes parts on this machine, with the pipeline of a sync."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Self

from indexer.config import Settings
from indexer.distributed.part_list import Part
from indexer.distributed.part_target import PartSource, PartTarget
from indexer.encoders.base import Encoder
from indexer.images import Limits
from indexer.images.workers import DecodePool
from indexer.storage import Place
from indexer.sync.encode_stage import EncodeStage
from indexer.sync.report import SyncReport
from indexer.sync.sidecars import sidecar_hash
from indexer.sync.steps import Added
from indexer.types import ProgressCallback


class PartEncoder:
    """An encoder with its decoder processes, for one part after the other; a context manager that ends them."""

    def __init__(self, place: Place, source: PartSource, encoder: Encoder, settings: Settings, *, size: int) -> None:
        """Take what all parts have in common.

        Args:
            place: Where they are written.
            source: What they are of.
            encoder: The encoder.
            settings: Limits, number of workers and time limit of the decoder.
            size: Number of files of each part but the last.
        """
        self._place, self._source, self._encoder, self._settings = place, source, encoder, settings
        self._size = size
        self._pool = DecodePool(
            preprocess=encoder.preprocess,
            limits=Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes),
            workers=settings.decoders,
            timeout=settings.timeout,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def run(
        self,
        parts: Iterable[Part],
        *,
        file_count: int,
        total_files: int,
        progress: ProgressCallback,
        on_written: Callable[[int, int, int], None] = lambda *_: None,
    ) -> None:
        """Make some parts, so that their files are decoded ahead across the ends of parts.

        Args:
            parts: The parts.
            file_count: Number of their files.
            total_files: Number of files of the whole source.
            progress: Called after each batch.
            on_written: Called, in another thread, with the number of each part and its counts of items and failures.

        Raises:
            StorageError: The place cannot be written; complete parts stay.
        """
        target = PartTarget(self._place, self._source, self._encoder, self._size, on_written)

        def work() -> Iterator[Added]:
            for part in parts:
                target.expect(part)
                for file in part.files:
                    yield Added(replace(file, sidecar_hash=sidecar_hash(file.sidecars)) if file.sidecars else file)

        EncodeStage(
            target=target,
            load=lambda: self._encoder,
            settings=self._settings,
            report=SyncReport(),
            progress=progress,
            pool=self._pool,
        ).run(work(), file_count, of=total_files)
