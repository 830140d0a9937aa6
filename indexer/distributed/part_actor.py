"""What a process of a cluster does: it loads the encoder once, then makes one part after the other."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

from indexer.config import Settings
from indexer.distributed.part_encoder import PartEncoder
from indexer.distributed.part_list import Part
from indexer.distributed.part_target import PartSource
from indexer.encoders import load_encoder
from indexer.errors import EncoderMismatchError, SourceError
from indexer.storage import is_url, open_place

Written = tuple[int, int, int]
"""Number of a part, and its counts of items and of failures."""


@dataclass(frozen=True, slots=True)
class Job:
    """What all parts of a run have in common; it is sent to the machines.

    Attributes:
        place: Folder or URL of the parts.
        source: The source.
        encoder: Name of the encoder.
        fingerprint: The fingerprint that it must have.
        size: Number of files of each part but the last.
        total_files: Number of files of the whole source.
        settings: Limits, device, number of workers and time limit of the decoder.
    """

    place: str
    source: PartSource
    encoder: str
    fingerprint: str
    size: int
    total_files: int
    settings: Settings


class PartActor:
    """Makes parts in a process of its own; `start` comes first."""

    def start(self, job: Job) -> None:
        """Load the encoder.

        Raises:
            SourceError: This machine does not have the source.
            EncoderMismatchError: The encoder is another one here.
        """
        root, node = job.source.root, platform.node()
        if not is_url(root) and not os.path.lexists(root):
            raise SourceError(f"the machine {node} has no {root}; mount it at the same path on every machine")
        with job.settings.active():
            settings = job.settings
            encoder = load_encoder(job.encoder, device=settings.device, batch_size=settings.batch_size)
        if encoder.fingerprint != job.fingerprint:
            raise EncoderMismatchError(
                f"the encoder {job.encoder!r} is another one on the machine {node} (fingerprint "
                f"{encoder.fingerprint[:8]}, not {job.fingerprint[:8]}); install the same on every machine"
            )
        self._job = job
        self._encoder = PartEncoder(open_place(job.place), job.source, encoder, job.settings, size=job.size)

    def embed(self, part: Part) -> Written:
        """Make a part, and return its counts.

        Raises:
            StorageError: The place cannot be written.
        """
        written: list[Written] = []
        with self._job.settings.active():
            self._encoder.run(
                [part],
                file_count=len(part.files),
                total_files=self._job.total_files,
                progress=lambda _: None,
                on_written=lambda *counts: written.append(counts),
            )
        return written[0]
