"""Fixtures: an empty catalog for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from indexer.catalog.sqlite.engine import open_engine
from indexer.catalog.sqlite.migrate import upgrade


@pytest.fixture(scope="module")
def folder_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return the engine of a catalog in a file."""
    engine = open_engine(Path(tmp_path_factory.mktemp("catalog"), "catalog.db"))
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def server_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Return the engine of a catalog on a server; for tests marked cluster."""
    from tests.support.postgresql_engine import new_engine  # late: other tests need no psycopg

    server = request.getfixturevalue("postgresql_server")
    engine = new_engine(server.url("properties"))
    yield engine
    engine.dispose()
    server.drop("properties")


@pytest.fixture(scope="module", params=["folder", pytest.param("server", marks=pytest.mark.cluster)])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Return the engine of a catalog, in a file and on a server: both must do the same."""
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    return engine
