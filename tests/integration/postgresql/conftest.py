"""A library on a server, and the graphs that the server keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from indexer.encoders import load_encoder
from indexer.types import Vectors
from indexer.vectors.autotune import trial
from retrieval import Library
from retrieval.calibration.background import background_vectors
from tests.support.postgresql import PostgresServer
from tests.support.server_library import COUNT, LITTLE
from tests.support.vectors import mixed_vectors

_GRAPHS = "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND indexdef LIKE '%%hnsw%%' ORDER BY 1"


@pytest.fixture(autouse=True)
def fewer_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_TIMED_QUERIES", 2)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return mixed_vectors(COUNT + 10, background_vectors(load_encoder("compact")))


@pytest.fixture
def library(postgresql_url: str, vectors: Vectors) -> Iterator[Library]:
    """Return a library of `COUNT` items in two collections, searched in memory."""
    with Library.open(postgresql_url) as opened:
        opened.add(vectors=vectors[:COUNT:2], collection="even")
        opened.add(vectors=vectors[1:COUNT:2], collection="odd")
        yield opened


@pytest.fixture
def in_server(library: Library) -> Library:
    """Return that library, searched in the server."""
    library.optimize(recall=0.9, memory=LITTLE)
    return library


@pytest.fixture
def graphs(postgresql_url: str, postgresql_server: PostgresServer) -> Callable[[], list[str]]:
    """Return a function that returns the names of the graphs in the library's schema."""
    schema = postgresql_url.partition("schema=")[2]
    return lambda: [name for (name,) in postgresql_server.sql(_GRAPHS, schema)]
