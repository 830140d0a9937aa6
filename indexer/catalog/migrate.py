"""Upgrade a catalog's schema to the newest revision."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, text

from indexer.errors import LibraryError, LibraryVersionError

HEAD = "r0009"
"""The newest revision; a test compares it with the scripts."""

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name"
"""All tables except SQLite's internal ones."""


def migration_folder() -> Path:
    """Return the folder of migration scripts: in the package if installed, next to it in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def read_revision(engine: Engine) -> str | None:
    """Return the revision of the catalog, or None if it has no tables yet.

    Raises:
        LibraryError: The database has tables of another program.
    """
    with engine.connect() as connection:
        tables = connection.scalars(text(_TABLES)).all()  # sqlalchemy.inspect() would import all of its reflection
        if "alembic_version" not in tables:
            if tables:
                raise LibraryError(f"its catalog.db belongs to another program (tables {', '.join(tables[:3])})")
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def check_revision(revision: str | None) -> None:
    """Refuse a schema revision that this version of Recall does not have.

    Raises:
        LibraryVersionError: A newer version of Recall wrote the catalog.
    """
    if revision in (None, HEAD) or any(migration_folder().glob(f"versions/{revision}_*.py")):
        return
    raise LibraryVersionError(
        f"this library has schema {revision}, newer than this Recall knows (up to {HEAD}); update Recall to open it"
    )


def upgrade(engine: Engine) -> None:
    """Upgrade the catalog to HEAD in one transaction."""
    from alembic import command  # late: takes 0.2 s and is needed once per revision
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migration_folder()).replace("%", "%%"))
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        if driver is None:
            raise LibraryError("the catalog was closed while it was upgraded")
        driver.execute("PRAGMA journal_mode = WAL")  # readers continue while one process writes; persistent
        driver.execute("PRAGMA foreign_keys = OFF")  # otherwise recreating a table deletes the rows that refer to it
        try:
            with connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                if connection.execute(text("PRAGMA foreign_key_check")).first():
                    raise LibraryError("the catalog has rows that refer to missing rows; restore it from a backup")
        finally:
            driver.execute("PRAGMA foreign_keys = ON")
