"""Whether an encoder is the one that a library was indexed with."""

from __future__ import annotations

from indexer.catalog.statements.encoders import EncoderRecord
from indexer.encoders.base import Encoder
from indexer.encoders.names import split_precision
from indexer.errors import EncoderMismatchError


def check_encoder_name(record: EncoderRecord, name: str) -> None:
    """Refuse an encoder with another name before it is loaded or downloaded.

    Two different folders pass, because a folder may have been moved or copied; their fingerprints are compared later.

    Raises:
        EncoderMismatchError: The library has embeddings of another encoder.
    """
    are_folders = all(encoder.startswith("local-dir:") for encoder in (record.name, name))
    if record.name != name and not (are_folders and split_precision(record.name)[1] == split_precision(name)[1]):
        raise EncoderMismatchError(
            f"this library was indexed with encoder {record.name!r} but {name!r} was requested; leave out --encoder, "
            f"or run: recall encoder use {name}"
        )


def check_encoder(record: EncoderRecord, encoder: Encoder) -> None:
    """Refuse an encoder other than the library's: their vectors are not comparable.

    Raises:
        EncoderMismatchError: The library has embeddings of another encoder.
    """
    check_encoder_name(record, encoder.name)
    if record.fingerprint != encoder.fingerprint:
        raise EncoderMismatchError(
            f"encoder {encoder.name!r} has changed since this library was indexed (fingerprint "
            f"{encoder.fingerprint[:8]}, expected {record.fingerprint[:8]}); restore its old files, or run: "
            f"recall encoder use {encoder.name}"
        )
