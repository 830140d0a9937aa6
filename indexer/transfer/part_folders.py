"""Parts: many small exports in one place, each in a folder of its own, which machines write independently.

A part is complete when its manifest is there. The manifest's record of the part says which files it stands for, so that
who embeds the source again passes over it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from indexer.errors import TransferError
from indexer.storage import MissingFileError, Place
from indexer.transfer.formats import MANIFEST, PART_NAME
from indexer.transfer.manifest import MAX_BYTES


@dataclass(frozen=True, slots=True)
class PartRecord:
    """What the manifest of a complete part says.

    Attributes:
        digest: Hash of the part's files, as they were listed.
        fingerprint: That of the encoder.
        encoder: The encoder's name.
        source: The folder or URL that the files are below.
    """

    digest: str
    fingerprint: str
    encoder: str
    source: str


def part_name(number: int) -> str:
    """Return the name of a part's folder."""
    return f"part-{number:06d}"


def part_number(name: str) -> int | None:
    """Return the number of a part, given its folder's name; None for another folder."""
    match = PART_NAME.fullmatch(name)
    return int(match[1]) if match else None


def part_names(place: Place) -> list[str]:
    """Return the names of the folders of a place that are those of parts, in order."""
    return [entry.name for entry in place.entries() if entry.is_folder and part_number(entry.name) is not None]


def read_record(place: Place, number: int) -> PartRecord | None:
    """Return what the manifest of a part says; None if the part is not complete.

    Raises:
        TransferError: The manifest is not that of a part.
    """
    name = f"{part_name(number)}/{MANIFEST}"
    try:
        content = json.loads(place.read(name, size=MAX_BYTES))
        encoder = next(encoder for encoder in content["encoders"] if encoder["active"])
        return PartRecord(
            content["part"]["digest"], encoder["fingerprint"], encoder["name"], content["sources"][0]["root"]
        )
    except MissingFileError:
        return None
    except (ValueError, KeyError, TypeError, IndexError, StopIteration, RecursionError) as error:
        raise TransferError(
            f"{place.location(name)} is not the manifest of a part ({type(error).__name__}); name another place, or "
            "delete that part"
        ) from error


def part_of_manifest(number: int, digest: str) -> Mapping[str, Any]:
    """Return what a part's manifest has besides that of any export."""
    return {"part": {"number": number, "digest": digest}}
