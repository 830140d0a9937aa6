"""Sources in the catalog."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from indexer.catalog.schema import ITEMS
from indexer.catalog.statements import sources, sync_state
from indexer.catalog.statements.sources import Source
from tests.support.catalog import add_source, save_items, stored_paths


def test_a_new_inner_source_takes_its_items_from_the_outer_one(connection: Connection) -> None:
    outer, sibling = add_source(connection, "/photos"), add_source(connection, "/photos2")
    save_items(connection, outer, "/photos/2019/a", "/photos/2020/b")
    save_items(connection, sibling, "/photos2/c")
    inner = add_source(connection, "/photos/2019", enclosing=outer)
    owners = connection.scalars(select(ITEMS.c.source_id).order_by(ITEMS.c.path)).all()
    assert owners == [inner.id, outer.id, sibling.id]
    pages = sync_state.stat_pages(connection, "/photos", outer.id)
    assert [item[0] for page in pages for item in page] == [b"/photos/2020/b"]
    assert stored_paths(connection, "/photos") == ["/photos/2019/a", "/photos/2020/b"]


def test_a_new_outer_source_leaves_the_inner_one_its_items(connection: Connection) -> None:
    inner = add_source(connection, "/photos/2019", exclude=["*.png"], include_hidden=True)
    save_items(connection, inner, "/photos/2019/a")
    add_source(connection, "/photos")
    assert [source.root for source in sources.sources(connection)] == ["/photos", "/photos/2019"]
    assert [source.root for source in sources.sources_below(connection, "/photos")] == ["/photos/2019"]
    assert [source.root for source in sources.sources_below(connection, "/")] == ["/photos", "/photos/2019"]
    assert sources.sources_below(connection, "/photos/2019") == []
    assert connection.scalars(select(ITEMS.c.source_id)).all() == [inner.id]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/photos", "/photos"),
        ("/photos/a/b", "/photos"),
        ("/photos/2019", "/photos/2019"),  # the innermost source
        ("/photos/2019/a", "/photos/2019"),
        ("/photos/20190", "/photos"),
        ("/photos2", None),
        ("/", None),
        ("/phot", None),
    ],
)
def test_the_innermost_enclosing_source_is_found(connection: Connection, path: str, expected: str | None) -> None:
    for root in ("/photos", "/photos/2019"):
        add_source(connection, root, exclude=["*.png"], include_hidden=True)
    source = sources.enclosing_source(connection, path)
    assert (source.root if source else None) == expected
    if source:
        assert (source.exclude, source.include_hidden, source.synced_at) == (["*.png"], True, None)


def test_the_root_directory_encloses_every_path(connection: Connection) -> None:
    add_source(connection, "/")
    for path in ("/", "/a/b"):
        source = sources.enclosing_source(connection, path)
        assert source is not None
        assert source.root == "/"


def test_a_canonical_path_is_as_stored_or_else_with_links_resolved(connection: Connection, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    target = os.path.realpath(real)
    assert sources.canonical_path(connection, tmp_path / "link") == target
    assert sources.canonical_path(connection, tmp_path / "link" / "a.jpg") == f"{target}/a.jpg"
    source = add_source(connection, "/photos")
    save_items(connection, source, f"{tmp_path}/link/a.jpg")  # reached through a link in another source
    assert sources.canonical_path(connection, tmp_path / "link") == f"{tmp_path}/link"
    assert sources.canonical_path(connection, tmp_path / "link" / "a.jpg") == f"{tmp_path}/link/a.jpg"
    assert sources.canonical_path(connection, "/photos/../photos") == "/photos"


def test_deleting_a_path_deletes_its_items_and_sources(connection: Connection, source: Source) -> None:
    save_items(connection, source, "/photos/a/1", "/photos/a/2", "/photos/b/3")
    assert sources.delete_under(connection, "/photos/a", limit=100) == 2
    assert [source.root for source in sources.sources(connection)] == ["/photos"]
    assert sources.delete_under(connection, "/", limit=100) == 1
    assert sources.sources(connection) == []


def test_a_source_that_is_gone_and_empty_is_deleted(connection: Connection, tmp_path: Path) -> None:
    for root in (str(tmp_path), "/gone/empty", "/gone/used"):
        add_source(connection, root)
    nonempty = sources.enclosing_source(connection, "/gone/used")
    assert nonempty is not None
    save_items(connection, nonempty, "/gone/used/a")
    sources.delete_empty_sources(connection)
    assert {source.root for source in sources.sources(connection)} == {str(tmp_path), "/gone/used"}
