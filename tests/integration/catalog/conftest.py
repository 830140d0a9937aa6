"""Fixtures: a catalog on disk with a source and an encoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from indexer.catalog.sqlite.engine import open_engine
from indexer.catalog.sqlite.migrate import upgrade
from indexer.catalog.statements import encoders, items, sync_state
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.sources import Source
from indexer.types import Preprocess
from tests.support.catalog import add_source


@pytest.fixture
def folder_engine(tmp_path: Path) -> Iterator[Engine]:
    """Return the engine of an empty catalog in a file."""
    engine = open_engine(tmp_path / "catalog.db")
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def server_engine(postgresql_url: str) -> Iterator[Engine]:
    """Return the engine of an empty catalog on a server; for tests marked cluster."""
    from tests.support.postgresql_engine import new_engine  # late: other tests need no psycopg

    engine = new_engine(postgresql_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["folder", pytest.param("server", marks=pytest.mark.cluster)])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Return the engine of an empty catalog, in a file and on a server: both must do the same."""
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    return engine


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


@pytest.fixture
def encoder(connection: Connection) -> EncoderRecord:
    return encoders.set_active_encoder(connection, name="a", fingerprint="f", dim=4, preprocess=Preprocess(8))


@pytest.fixture
def source(connection: Connection) -> Source:
    return add_source(connection, "/photos")


@pytest.fixture
def pages_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (items, sync_state):
        monkeypatch.setattr(module, "PAGE_SIZE", 3)
