"""Upgrade the schema of a catalog in SQLite to the newest revision."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, text

from indexer.catalog.migrate import run_scripts
from indexer.errors import LibraryError

_SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name"
"""All tables, views, triggers and indexes except SQLite's internal ones."""

_ADD = "INSERT INTO unit_words (rowid, text) VALUES (new.id, new.text);"
_REMOVE = "INSERT INTO unit_words (unit_words, rowid, text) VALUES ('delete', old.id, old.text);"

_TRIGGERS = {
    f"CREATE TRIGGER unit_words_{name} {event} ON units WHEN {row}.text IS NOT NULL BEGIN {action} END"
    for name, event, row, action in (
        ("insert", "AFTER INSERT", "new", _ADD),
        ("delete", "AFTER DELETE", "old", _REMOVE),
        ("remove", "BEFORE UPDATE OF text", "old", _REMOVE),
        ("update", "AFTER UPDATE OF text", "new", _ADD),
    )
} | {"CREATE TRIGGER item_words_delete AFTER DELETE ON items BEGIN DELETE FROM item_words WHERE rowid = old.id; END"}
"""The triggers of a catalog, which keep the full-text indexes up to date."""

_VIRTUAL_TABLES = tuple(f"CREATE VIRTUAL TABLE {name} USING FTS5(" for name in ("UNIT_WORDS", "ITEM_WORDS"))
"""How the statements begin that make the full-text indexes."""


def read_revision(engine: Engine) -> str | None:
    """Return the revision of the catalog, or None if it has no tables yet.

    Raises:
        LibraryError: The database has tables of another program.
    """
    with engine.connect() as connection:
        schema = connection.execute(text(_SCHEMA)).all()  # sqlalchemy.inspect() would import all of its reflection
        _check_schema([(row.type, row.name, row.sql or "") for row in schema])
        tables = [row.name for row in schema if row.type == "table"]
        if "alembic_version" not in tables:
            if tables:
                raise LibraryError(f"its catalog.db belongs to another program (tables {', '.join(tables[:3])})")
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def _check_schema(schema: Sequence[tuple[str, str, str]]) -> None:
    """Refuse a catalog with views, triggers or virtual tables that Recall did not make: they would run by reading it.

    Raises:
        LibraryError: It has one.
    """
    for kind, name, sql in schema:
        is_virtual = sql[:20].upper().startswith("CREATE VIRTUAL")
        is_foreign = (
            kind == "view"
            or (kind == "trigger" and " ".join(sql.split()) not in _TRIGGERS)
            or (is_virtual and not sql.upper().startswith(_VIRTUAL_TABLES))
        )
        if is_foreign:
            raise LibraryError(
                f"its catalog.db has a {'virtual table' if is_virtual else kind} {name[:40]!r}, which Recall did not "
                "make and does not run; restore it from a backup, or import an export of it"
            )


def upgrade(engine: Engine) -> None:
    """Upgrade the catalog to HEAD in one transaction."""
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        if driver is None:
            raise LibraryError("the catalog was closed while it was upgraded")
        driver.execute("PRAGMA journal_mode = WAL")  # readers continue while one process writes; persistent
        driver.execute("PRAGMA trusted_schema = ON")  # which was checked; its triggers use the full-text index
        driver.execute("PRAGMA foreign_keys = OFF")  # otherwise recreating a table deletes the rows that refer to it
        try:
            with connection.begin():
                run_scripts(connection)
                if connection.execute(text("PRAGMA foreign_key_check")).first():
                    raise LibraryError("the catalog has rows that refer to missing rows; restore it from a backup")
        finally:
            driver.execute("PRAGMA foreign_keys = ON")
