"""Embeds a source into parts: what `recall index --into` does."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from indexer.config import Settings
from indexer.distributed.part_encoder import PartEncoder
from indexer.distributed.part_list import PartList, Share, add_missing, divide, list_files, part_size
from indexer.distributed.part_target import PartSource
from indexer.distributed.report import PartsReport
from indexer.documents.table import table_format
from indexer.encoders.base import Encoder
from indexer.errors import MissingPackageError, NoPhotosError, SourceError
from indexer.storage import Place, open_place
from indexer.sync.scan_rules import Rules, is_folder, resolve_path
from indexer.sync.walk_entries import SourceFile
from indexer.transfer import require_pyarrow
from indexer.transfer.formats import MANIFEST
from indexer.transfer.part_folders import part_names, part_number
from indexer.types import Progress, ProgressCallback

_SCAN_STEP = 500
"""Files after which the progress is reported."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One call of `embed_parts`."""

    source: PartSource
    place: Place
    encoder: Encoder
    settings: Settings
    share: Share
    report: PartsReport
    progress: ProgressCallback

    def list(self, parts: PartList) -> int:
        """Add to a list the parts that are to be made, and return how many the whole source has."""
        size, fingerprint = part_size(self.encoder.batch_size), self.encoder.fingerprint
        files = list_files(self.source.root, self.source.rules, self.report)
        return add_missing(
            parts,
            divide(self._counted(files), size=size, fingerprint=fingerprint),
            self.place,
            root=self.source.root,
            fingerprint=fingerprint,
            share=self.share,
            report=self.report,
        )

    def _counted(self, files: Iterable[SourceFile]) -> Iterator[SourceFile]:
        for done, file in enumerate(files, start=1):
            if done % _SCAN_STEP == 0:
                self.progress(Progress("scanning", done))
            yield file

    def encode(self, parts: PartList) -> None:
        """Make the parts of a list on this machine."""
        size = part_size(self.encoder.batch_size)
        with PartEncoder(self.place, self.source, self.encoder, self.settings, size=size) as part_encoder:
            part_encoder.run(
                parts,
                file_count=parts.file_count,
                total_files=parts.total_files,
                progress=self.progress,
                on_written=self._count,
            )

    def encode_on_cluster(self, parts: PartList, address: str) -> None:
        """Make the parts of a list on the machines of a Ray cluster."""
        if find_spec("ray") is None:
            raise MissingPackageError(
                "clusters need Ray, which is not installed; run: pip install 'recall-photos[ray]'"
            )
        from indexer.distributed.part_actor import Job  # late: Ray takes a second
        from indexer.distributed.ray_adapter import embed_on_cluster

        job = Job(
            self.place.url,
            self.source,
            self.encoder.name,
            self.encoder.fingerprint,
            part_size(self.encoder.batch_size),
            parts.total_files,
            self.settings,
        )

        def count(number: int, items: int, failed: int) -> None:
            self._count(number, items, failed)
            self.progress(Progress("indexing", self.report.items + self.report.failed, parts.file_count))

        self.progress(Progress("indexing", 0, parts.file_count))
        embed_on_cluster(address, parts, job, on_written=count)

    def _count(self, _: int, items: int, failed: int) -> None:
        self.report.written += 1
        self.report.items += items
        self.report.failed += failed

    def remove_old(self, number_of_parts: int) -> None:
        """Delete the parts of the share that the source no longer has files for, the manifest first."""
        for name in part_names(self.place):
            number = part_number(name)
            if number is not None and number >= number_of_parts and self.share.has(number):
                self.place.delete(f"{name}/{MANIFEST}")
                for entry in self.place.entries(name):
                    self.place.delete(entry.name)
                self.report.removed += 1


def embed_parts(
    source: str | os.PathLike[str],
    into: str | os.PathLike[str],
    *,
    encoder: Encoder,
    settings: Settings,
    exclude: Sequence[str] = (),
    include_hidden: bool = False,
    share: Share | None = None,
    ray: str | None = None,
    progress: ProgressCallback | None = None,
) -> PartsReport:
    """Embed the photos and texts of a source into parts, and return a report; see `retrieval.embed_parts`.

    Args:
        source: Folder or file.
        into: Folder or URL for the parts.
        encoder: The encoder.
        settings: Limits, number of workers and time limit of the decoder.
        exclude: Patterns of names and paths to exclude.
        include_hidden: Whether to include names that begin with a dot.
        share: The parts to make; None for all.
        ray: Address of a Ray cluster that makes the parts; None makes them on this machine.
        progress: Called with the progress.

    Raises:
        SourceError: The source does not exist, cannot be read or is a table.
        NoPhotosError: It has no photos and no texts.
        EncoderMismatchError: The place has parts of another encoder.
        TransferError: The place has parts of another source.
        StorageError: The place cannot be reached, read or written; complete parts are kept.
        ConfigError: No Ray cluster answers at the address.
        MissingPackageError: pyarrow, or for a cluster Ray, is not installed.
    """
    require_pyarrow()
    start = time.perf_counter()
    place, root = open_place(into), resolve_path(source)
    if table_format(root) and not is_folder(root):
        raise SourceError(f"{root} is a table, which parts cannot hold; index it into a library: recall index {root}")
    report = PartsReport(place.url)
    rules = Rules(list(exclude), include_hidden)
    notify = progress or (lambda _: None)
    run = _Run(PartSource(root, rules), place, encoder, settings, share or Share(), report, notify)
    with PartList() as parts:
        number_of_parts = run.list(parts)
        if not number_of_parts:
            raise NoPhotosError(f"{root} contains no photos or texts; expected a folder with pictures or .txt files")
        if parts.count and ray is not None:
            run.encode_on_cluster(parts, ray)
        elif parts.count:
            run.encode(parts)
    if not report.unreadable:  # files that cannot be listed now may be there again tomorrow
        run.remove_old(number_of_parts)
    report.total_seconds = time.perf_counter() - start
    return report
