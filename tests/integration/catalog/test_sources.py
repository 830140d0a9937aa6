"""Encoders and sources in the catalog."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from indexer.catalog.schema import ITEMS
from indexer.catalog.statements import encoders, sources, sync_state
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.sources import Source
from indexer.types import Preprocess
from tests.support.catalog import add, embed, known_paths, save


def test_the_active_encoder_comes_back_with_its_preprocessing(connection: Connection, source: Source) -> None:
    how = Preprocess(224, "squash", "bilinear", (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), fill=127)
    made = encoders.set_active_encoder(connection, name="compact", fingerprint="f" * 40, dim=4, preprocess=how)
    embed(connection, source, made, 1)
    assert encoders.active_encoder(connection) == made
    assert made == EncoderRecord(made.id, "compact", "f" * 40, 4, how)


def test_a_library_without_embeddings_has_no_encoder_and_may_take_another(
    connection: Connection, source: Source
) -> None:
    assert encoders.active_encoder(connection) is None
    first = encoders.set_active_encoder(connection, name="a", fingerprint="f", dim=4, preprocess=Preprocess(8))
    save(connection, source, "/photos/failed", failure="damaged")
    assert encoders.active_encoder(connection) is None
    other = encoders.set_active_encoder(connection, name="b", fingerprint="g", dim=4, preprocess=Preprocess(8))
    embed(connection, source, other, 1)
    assert encoders.active_encoder(connection) == other
    assert other.id != first.id


def test_an_encoder_is_known_by_its_fingerprint_and_takes_a_new_name(connection: Connection, source: Source) -> None:
    old = encoders.set_active_encoder(connection, name="local-dir:/a", fingerprint="f", dim=4, preprocess=Preprocess(8))
    embed(connection, source, old, 1)
    encoders.set_active_encoder(connection, name="local-dir:/b", fingerprint="f", dim=4, preprocess=Preprocess(8))
    assert encoders.active_encoder(connection) == old._replace(name="local-dir:/b")


def test_a_source_inside_another_takes_over_what_that_has_from_there(connection: Connection) -> None:
    outer, beside = add(connection, "/photos"), add(connection, "/photos2")
    save(connection, outer, "/photos/2019/a", "/photos/2020/b")
    save(connection, beside, "/photos2/c")
    inner = add(connection, "/photos/2019", enclosing=outer)
    owners = connection.scalars(select(ITEMS.c.source_id).order_by(ITEMS.c.path)).all()
    assert owners == [inner.id, outer.id, beside.id]
    assert [item[0] for item in sync_state.file_stats(connection, "/photos", outer.id)] == [b"/photos/2020/b"]
    assert known_paths(connection, "/photos") == ["/photos/2019/a", "/photos/2020/b"]


def test_a_source_around_another_leaves_it_what_it_has(connection: Connection) -> None:
    inner = add(connection, "/photos/2019", exclude=["*.png"], include_hidden=True)
    save(connection, inner, "/photos/2019/a")
    add(connection, "/photos")
    assert [known.root for known in sources.sources(connection)] == ["/photos", "/photos/2019"]
    assert [known.root for known in sources.sources_below(connection, "/photos")] == ["/photos/2019"]
    assert [known.root for known in sources.sources_below(connection, "/")] == ["/photos", "/photos/2019"]
    assert sources.sources_below(connection, "/photos/2019") == []
    assert connection.scalars(select(ITEMS.c.source_id)).all() == [inner.id]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/photos", "/photos"),
        ("/photos/a/b", "/photos"),
        ("/photos/2019", "/photos/2019"),  # the innermost
        ("/photos/2019/a", "/photos/2019"),
        ("/photos/20190", "/photos"),
        ("/photos2", None),
        ("/", None),
        ("/phot", None),
    ],
)
def test_the_source_around_a_path_is_found(connection: Connection, path: str, expected: str | None) -> None:
    for root in ("/photos", "/photos/2019"):
        add(connection, root, exclude=["*.png"], include_hidden=True)
    found = sources.enclosing_source(connection, path)
    assert (found.root if found else None) == expected
    if found:
        assert (found.exclude, found.include_hidden, found.synced_at) == (["*.png"], True, None)


def test_everything_is_below_a_source_that_is_the_root_of_the_disk(connection: Connection) -> None:
    add(connection, "/")
    for path in ("/", "/a/b"):
        found = sources.enclosing_source(connection, path)
        assert found is not None
        assert found.root == "/"


def test_a_path_is_known_as_it_is_written_or_else_with_links_resolved(connection: Connection, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    place = os.path.realpath(real)
    assert sources.canonical_path(connection, tmp_path / "link") == place
    assert sources.canonical_path(connection, tmp_path / "link" / "a.jpg") == f"{place}/a.jpg"
    source = add(connection, "/photos")
    save(connection, source, f"{tmp_path}/link/a.jpg")  # met through a link out of another source
    assert sources.canonical_path(connection, tmp_path / "link") == f"{tmp_path}/link"
    assert sources.canonical_path(connection, tmp_path / "link" / "a.jpg") == f"{tmp_path}/link/a.jpg"
    assert sources.canonical_path(connection, "/photos/../photos") == "/photos"


def test_forgetting_a_place_takes_its_items_and_sources(connection: Connection, source: Source) -> None:
    save(connection, source, "/photos/a/1", "/photos/a/2", "/photos/b/3")
    assert sources.delete_under(connection, "/photos/a", limit=100) == 2
    assert [known.root for known in sources.sources(connection)] == ["/photos"]
    assert sources.delete_under(connection, "/", limit=100) == 1
    assert sources.sources(connection) == []


def test_a_source_that_left_the_disk_goes_when_nothing_is_left_of_it(connection: Connection, tmp_path: Path) -> None:
    for root in (str(tmp_path), "/gone/empty", "/gone/used"):
        add(connection, root)
    used = sources.enclosing_source(connection, "/gone/used")
    assert used is not None
    save(connection, used, "/gone/used/a")
    sources.delete_empty_sources(connection)
    assert {known.root for known in sources.sources(connection)} == {str(tmp_path), "/gone/used"}
