"""A catalog on a server, without a library around it."""

from __future__ import annotations

from sqlalchemy import Engine

from indexer.catalog.postgresql.engine import connect, open_engine
from indexer.catalog.postgresql.migrate import create
from indexer.database_url import DatabaseUrl


def new_engine(place: str) -> Engine:
    """Return the engine of a new catalog at a URL."""
    url = DatabaseUrl.parse(place)
    engine = open_engine(lambda: connect(url)).engine
    try:
        create(engine, url, timeout=10)
    except BaseException:
        engine.dispose()
        raise
    return engine
