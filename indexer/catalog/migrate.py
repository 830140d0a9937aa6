"""Brings a catalog's schema to the newest revision."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, text

from indexer.errors import LibraryError, LibraryVersionError

HEAD = "r0004"
"""The newest revision; a test holds it against the scripts."""


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name"
"""The tables that are not SQLite's own."""


def migration_folder() -> Path:
    """Return the folder of migration scripts: inside the wheel, or beside the packages in a checkout."""
    package = Path(__file__).parent.parent
    shipped = package / "_migrations"
    return shipped if shipped.is_dir() else package.parent / "migrations"


def read_revision(engine: Engine) -> str | None:
    """Return the revision of the catalog, or None where it has no tables yet.

    Raises:
        LibraryError: It has tables that are not Recall's.
    """
    with engine.connect() as connection:
        tables = connection.scalars(text(_TABLES)).all()  # inspect() would import what reflects whole schemas
        if "alembic_version" not in tables:
            if tables:
                raise LibraryError(f"its catalog.db belongs to another program (tables {', '.join(tables[:3])})")
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def check_revision(found: str | None) -> None:
    """Refuse a schema that this Recall does not know.

    Raises:
        LibraryVersionError: The catalog was written by a newer Recall.
    """
    if found in (None, HEAD) or any(migration_folder().glob(f"versions/{found}_*.py")):
        return
    raise LibraryVersionError(
        f"this library has schema {found}, newer than this Recall knows (up to {HEAD}); update Recall to open it"
    )


def upgrade(engine: Engine) -> None:
    """Upgrade the catalog to HEAD in one transaction."""
    from alembic import command  # late: 0.2 s, needed once per schema
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migration_folder()).replace("%", "%%"))
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        if driver is None:
            raise LibraryError("the catalog was closed while it was upgraded")
        driver.execute("PRAGMA journal_mode = WAL")  # readers go on while one process writes; the file remembers it
        driver.execute("PRAGMA foreign_keys = OFF")  # else a table that is made anew takes all that refers to it along
        try:
            with connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                if connection.execute(text("PRAGMA foreign_key_check")).first():
                    raise LibraryError("the catalog's tables do not fit together; restore it from a backup")
        finally:
            driver.execute("PRAGMA foreign_keys = ON")
