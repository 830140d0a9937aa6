"""The revisions of a catalog's schema, which are the same in every database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from indexer.errors import LibraryVersionError

HEAD = "r0012"
"""The newest revision; a test compares it with the scripts."""


def migration_folder() -> Path:
    """Return the folder of migration scripts: in the package if installed, next to it in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


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


def run_scripts(connection: Connection) -> None:
    """Upgrade the catalog of a connection to HEAD; the caller commits."""
    from alembic import command  # late: takes 0.2 s and is needed once per revision
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migration_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
