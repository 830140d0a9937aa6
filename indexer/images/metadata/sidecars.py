"""The files next to a photo that hold its metadata: an XMP file, and a JSON file of Google Takeout."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from indexer.errors import FailureKind, PictureError
from indexer.images.file_reader import FetchedFile, File, Limits, read_file
from indexer.images.metadata.block import MetadataBlock, with_sidecar
from indexer.images.metadata.takeout import MAX_TAKEOUT_BYTES, read_takeout
from indexer.images.metadata.xmp import MAX_XMP_BYTES, read_xmp


class UnreadSidecar(NamedTuple):
    """A sidecar that could not be read, and why."""

    path: Path
    kind: FailureKind
    reason: str


def add_sidecars(embedded: MetadataBlock, paths: Iterable[File]) -> tuple[MetadataBlock, tuple[UnreadSidecar, ...]]:
    """Return the metadata of a file and its sidecars, and the sidecars that could not be read.

    An XMP file takes precedence over the photo. Takeout's file only fills in what is missing: it may repeat what Google
    made of the photo.
    """
    metadata = embedded
    unread = []
    for file in paths:
        path = file.path if isinstance(file, FetchedFile) else file
        limits = sidecar_limits(path)
        try:
            data = read_file(file, limits=limits)
        except PictureError as error:
            is_too_large = error.kind == FailureKind.TOO_LARGE
            reason = (
                f"it is larger than {limits.max_bytes:,} bytes, the limit for sidecars" if is_too_large else str(error)
            )
            unread.append(UnreadSidecar(path, error.kind, reason))
            continue
        metadata = metadata.or_else(read_takeout(data)) if _is_takeout(path) else with_sidecar(metadata, read_xmp(data))
    return metadata, tuple(unread)


def sidecar_limits(path: Path) -> Limits:
    """Return how large a sidecar may be, whatever photos may be."""
    return Limits(max_bytes=MAX_TAKEOUT_BYTES if _is_takeout(path) else MAX_XMP_BYTES)


def _is_takeout(path: Path) -> bool:
    return path.suffix.lower() == ".json"
