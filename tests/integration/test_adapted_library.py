"""A library with an active adapter: queries and units are transformed alike, and a rollback undoes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from indexer.catalog.statements import versions
from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.errors import EncoderError
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.contents import rows
from tests.support.encoders import FakeEncoder

TO_BLUE = LowRankAdapter(np.array([[1], [0], [0]], dtype=np.float32), np.array([[-1, 0, 1]], dtype=np.float32))
"""Turns red into blue, and leaves other colours as they are."""


def activate(library: Library, adapter: Adapter, *, encoder: str | None = None) -> int:
    active = library._store.encoder
    assert active is not None
    with library._store.transaction() as connection:
        id_ = versions.add_version(
            connection, kind="adapter", encoder_id=active.id, report={}, weights=adapter.to_bytes()
        )
        versions.activate_version(connection, id_)
    return id_


def names(library: Library, query: str) -> list[str]:
    return [hit.path.stem for hit in library.search(query, k=1, hybrid=False)]


@pytest.fixture
def colours(library: Library, folder: Path) -> Library:
    for colour in ("red", "green", "blue"):
        paint(folder / f"{colour}.png", colour)
    library.sync(folder)
    return library


def test_an_adapter_of_queries_changes_their_hits_and_not_the_index(colours: Library) -> None:
    assert names(colours, "red") == ["red"]
    before = colours._store.index()
    activate(colours, Adapter(TO_BLUE))
    assert names(colours, "red") == ["blue"]
    assert names(colours, "green") == ["green"]
    assert colours._store.index() is before
    assert colours.search("red", hybrid=False)[0].score == pytest.approx(1)


def test_an_adapter_of_photos_has_its_own_index_until_it_is_rolled_back(colours: Library, folder: Path) -> None:
    plain = colours._store.index_fingerprint
    activate(colours, Adapter(None, TO_BLUE))
    assert colours._store.index_fingerprint == colours._store.fingerprint != plain
    assert [hit.score for hit in colours.search("blue", k=2)] == pytest.approx([1, 1])  # the red photo is blue now
    assert colours.check() == []
    (hit,) = colours.similar(folder / "red.png", k=1)  # a picture of the library is transformed too
    assert (hit.path.stem, round(hit.score, 3)) == ("blue", 1)
    with colours._store.transaction() as connection:
        versions.activate_version(connection, None)
    assert [round(hit.score, 3) for hit in colours.search("blue", k=2)] == [1, 0]


def test_photos_that_are_added_later_are_stored_plain_and_searched_transformed(colours: Library, folder: Path) -> None:
    activate(colours, Adapter(None, TO_BLUE))
    colours.search("blue")
    paint(folder / "late.png", (255, 0, 0), note="another red one")
    colours.sync(folder)
    assert {hit.path.stem for hit in colours.search("blue", k=3) if hit.score > 0.99} == {"blue", "red", "late"}
    with colours._store.transaction() as connection:
        versions.activate_version(connection, None)
    assert {hit.path.stem for hit in colours.search("red", k=2)} == {"red", "late"}


def test_rescoring_from_the_catalog_gives_the_scores_of_the_transformed_index(colours: Library) -> None:
    activate(colours, Adapter(TO_BLUE, TO_BLUE))
    plain = [(hit.path, hit.score) for hit in colours.search("red", hybrid=False)]
    assert [(hit.path, hit.score) for hit in colours.search("red", hybrid=False, rerank=["exact"])] == plain


def test_indexed_texts_are_transformed_as_texts(colours: Library, folder: Path) -> None:
    (folder / "note.txt").write_text("red")
    colours.sync(folder)
    activate(colours, Adapter(LowRankAdapter(TO_BLUE.down, np.zeros_like(TO_BLUE.up)), TO_BLUE))
    scores = {hit.path.name: round(hit.score, 3) for hit in colours.search("red", kind="all", hybrid=False)}
    assert (scores["note.txt"], scores["red.png"]) == (1, 0)


def test_another_process_uses_an_adapter_that_is_activated(colours: Library, encoder: FakeEncoder) -> None:
    with Library.open(colours.name, encoder=encoder) as other:
        assert names(other, "red") == ["red"]
        activate(colours, Adapter(TO_BLUE, TO_BLUE))
        assert [round(hit.score, 3) for hit in other.search("red", k=3)] == [1, 1, 0]


def test_an_adapter_of_another_encoder_is_not_used(colours: Library) -> None:
    activate(colours, Adapter(TO_BLUE))
    with colours._store.transaction() as connection:
        connection.exec_driver_sql("UPDATE encoders SET fingerprint = 'other' WHERE id = 1")
        connection.execute(
            text(
                "INSERT INTO encoders (id, name, fingerprint, dim, preprocess, added_at) "
                "SELECT 2, name, :fingerprint, dim, preprocess, added_at FROM encoders WHERE id = 1"
            ),
            {"fingerprint": "c0" * 20},
        )
        connection.exec_driver_sql("UPDATE embeddings SET encoder_id = 2")
        connection.exec_driver_sql("UPDATE meta SET value = '2' WHERE key = 'active_encoder'")
    assert names(colours, "red") == ["red"]


def test_damaged_weights_name_the_command_that_helps(colours: Library) -> None:
    id_ = activate(colours, Adapter(TO_BLUE))
    rows(colours, "UPDATE versions SET weights = ? WHERE id = ?", b"\0", id_)
    with pytest.raises(EncoderError, match=r"the adapter is damaged .* recall rollback"):
        colours.search("red")


def test_the_catalog_stores_embeddings_without_the_adapter(colours: Library) -> None:
    before = rows(colours, "SELECT id, vector FROM embeddings ORDER BY id")
    activate(colours, Adapter(TO_BLUE, TO_BLUE))
    colours.search("red")
    assert rows(colours, "SELECT id, vector FROM embeddings ORDER BY id") == before
