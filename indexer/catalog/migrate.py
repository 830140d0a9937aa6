"""Brings a catalog's schema to the newest revision."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from indexer.errors import LibraryVersionError

HEAD = "r0001"
"""The newest revision; a test holds it against the scripts."""


def scripts() -> Path:
    """Return the folder of migration scripts: inside the wheel, or beside the packages in a checkout."""
    package = Path(__file__).parent.parent
    shipped = package / "_migrations"
    return shipped if shipped.is_dir() else package.parent / "migrations"


def revision(engine: Engine) -> str | None:
    """Return the revision of the catalog, or None where it has no tables yet."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def upgrade(engine: Engine) -> None:
    """Upgrade the catalog to HEAD in one transaction; a current one costs one query and does not load alembic.

    Raises:
        LibraryVersionError: The catalog was written by a newer Recall.
    """
    found = revision(engine)
    if found == HEAD:
        return
    from alembic import command  # late: 0.2 s, needed once per schema
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise LibraryVersionError(
            f"this library has schema {found}, newer than this Recall knows (up to {HEAD}); update Recall to open it"
        )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
