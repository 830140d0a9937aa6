"""Encoders in the catalog."""

from __future__ import annotations

from sqlalchemy import Connection

from indexer.catalog.statements import encoders
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.sources import Source
from indexer.types import Preprocess
from tests.support.catalog import save_embedded, save_items


def test_the_active_encoder_round_trips_with_its_preprocessing(connection: Connection, source: Source) -> None:
    preprocess = Preprocess(224, "squash", "bilinear", (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), fill=127)
    stored = encoders.set_active_encoder(connection, name="compact", fingerprint="f" * 40, dim=4, preprocess=preprocess)
    save_embedded(connection, source, stored, 1)
    assert encoders.active_encoder(connection) == stored
    assert stored == EncoderRecord(stored.id, "compact", "f" * 40, 4, preprocess)


def test_a_library_without_embeddings_has_no_encoder_and_accepts_any(connection: Connection, source: Source) -> None:
    assert encoders.active_encoder(connection) is None
    first = encoders.set_active_encoder(connection, name="a", fingerprint="f", dim=4, preprocess=Preprocess(8))
    save_items(connection, source, "/photos/failed", failure="damaged")
    assert encoders.active_encoder(connection) is None
    other = encoders.set_active_encoder(connection, name="b", fingerprint="g", dim=4, preprocess=Preprocess(8))
    save_embedded(connection, source, other, 1)
    assert encoders.active_encoder(connection) == other
    assert other.id != first.id


def test_an_encoder_is_identified_by_fingerprint_and_can_be_renamed(connection: Connection, source: Source) -> None:
    old = encoders.set_active_encoder(connection, name="local-dir:/a", fingerprint="f", dim=4, preprocess=Preprocess(8))
    save_embedded(connection, source, old, 1)
    encoders.set_active_encoder(connection, name="local-dir:/b", fingerprint="f", dim=4, preprocess=Preprocess(8))
    assert encoders.active_encoder(connection) == old._replace(name="local-dir:/b")
