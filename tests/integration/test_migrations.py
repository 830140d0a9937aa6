"""Migrations: they create the current tables, and upgrade every released schema with its rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from indexer.catalog import migrate
from indexer.catalog.filters.expression import Filter
from indexer.catalog.filters.matching import matching_ids
from indexer.catalog.migrate import HEAD, check_revision, migration_folder
from indexer.catalog.schema import METADATA
from indexer.catalog.sqlite.engine import open_engine
from indexer.catalog.sqlite.migrate import read_revision, upgrade
from indexer.catalog.statements import counts, items, sources, sync_state, writes
from indexer.catalog.statements.counts import Failure
from indexer.catalog.statements.sync_state import FileRecord
from indexer.errors import LibraryError, LibraryVersionError
from indexer.store import Store
from indexer.types import Preprocess
from tests.support.vectors import HALVES

SCHEMAS = Path(__file__).parents[1] / "fixtures" / "schemas"
RELEASED = sorted(path.stem for path in SCHEMAS.glob("*.sql"))

INVALID_UTF8 = "/photos/caf\udce9/\udcff\udcfe \U0001f600.jpg"  # the bytes e9, ff and fe are invalid


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """Return the path of a new library's catalog."""
    folder = tmp_path / "old.recall"
    folder.mkdir()
    return folder / "catalog.db"


@pytest.fixture
def engine(catalog: Path) -> Iterator[Engine]:
    engine = open_engine(catalog)
    yield engine
    engine.dispose()


def is_own_table(name: str | None, kind: str, _: object) -> bool:
    """Return whether a table belongs to the schema; SQLite manages those of FTS5."""
    return kind != "table" or not str(name).startswith(("unit_words", "item_words"))


def script_directory() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(migration_folder()))
    return ScriptDirectory.from_config(config)


def restore(catalog: Path, schema: str) -> None:
    """Create the catalog of a released schema."""
    connection = sqlite3.connect(catalog)
    connection.executescript((SCHEMAS / f"{schema}.sql").read_text(encoding="utf-8"))
    connection.close()


def as_text(facts: Any) -> Any:
    """Return inspection results as text, because SQLAlchemy's clauses do not compare by content."""
    if isinstance(facts, dict):
        return {name: as_text(value) for name, value in facts.items()}
    return [as_text(fact) for fact in facts] if isinstance(facts, list) else str(facts)


def test_upgrading_an_empty_database_creates_the_current_tables(engine: Engine) -> None:
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_name": is_own_table}
        )
        assert compare_metadata(context, METADATA) == []


def test_upgrading_an_empty_database_creates_the_current_constraints(engine: Engine, tmp_path: Path) -> None:
    upgrade(engine)  # alembic's comparison ignores ON DELETE, primary keys and AUTOINCREMENT
    fresh = open_engine(tmp_path / "models.db")
    METADATA.create_all(fresh)
    upgraded, created = inspect(engine), inspect(fresh)
    for table in METADATA.tables:
        for facts in ("get_foreign_keys", "get_pk_constraint", "get_unique_constraints", "get_indexes"):
            assert as_text(getattr(upgraded, facts)(table)) == as_text(getattr(created, facts)(table))
        # ids of embeddings are never reused: index files rely on it
        with engine.connect() as connection:
            sql = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).scalar_one()
        assert ("AUTOINCREMENT" in sql) == (table in ("embeddings", "versions"))
    fresh.dispose()


def test_head_is_the_newest_revision(engine: Engine) -> None:
    assert script_directory().get_heads() == [HEAD]
    upgrade(engine)
    assert read_revision(engine) == HEAD


def test_revisions_are_linear_and_files_are_named_after_them() -> None:
    scripts = list(script_directory().walk_revisions())  # newest first
    numbers = [f"r{number:04}" for number in range(len(scripts), 0, -1)]
    assert [script.revision for script in scripts] == numbers
    for script in scripts:
        name = Path(script.path).name
        assert name.startswith(f"{script.revision}_")  # starts with a letter: the file is a module
        assert script.doc


def test_a_current_library_is_opened_without_alembic(
    engine: Engine, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade(engine)
    monkeypatch.setattr(migrate, "migration_folder", lambda: pytest.fail("a current catalog needs no migrations"))
    with Store(catalog.parent, create=False) as store:
        assert store.encoder is None


def test_an_empty_database_has_no_revision(engine: Engine) -> None:
    assert read_revision(engine) is None


def test_a_library_of_a_newer_version_is_refused_and_unchanged(engine: Engine, catalog: Path) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'r9999'")
    message = rf"this library has schema r9999, newer than this Recall knows \(up to {HEAD}\); update Recall to open it"
    with pytest.raises(LibraryVersionError, match=message):
        check_revision(read_revision(engine))
    with pytest.raises(LibraryVersionError, match=message):
        Store(catalog.parent, create=False)
    assert read_revision(engine) == "r9999"


@pytest.mark.parametrize("revision", [None, *RELEASED])
def test_every_released_revision_is_supported(revision: str | None) -> None:
    check_revision(revision)


def test_a_database_of_another_program_is_refused_and_unchanged(engine: Engine, catalog: Path) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE songs (id INTEGER)")
    with pytest.raises(LibraryError, match=r"belongs to another program \(tables songs\)"):
        Store(catalog.parent, create=False)
    assert inspect(engine).get_table_names() == ["songs"]


def test_a_catalog_uses_wal_mode_and_foreign_keys(engine: Engine) -> None:
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_a_failed_upgrade_is_rolled_back(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import op

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(op, "create_index", interrupt)  # runs after the tables are created
    with pytest.raises(KeyboardInterrupt):
        upgrade(engine)
    assert inspect(engine).get_table_names() == []
    monkeypatch.undo()
    upgrade(engine)
    assert read_revision(engine) == HEAD


def test_every_revision_has_a_schema_fixture() -> None:
    assert [script.revision for script in script_directory().walk_revisions()][::-1] == RELEASED


@pytest.mark.parametrize("schema", RELEASED)
def test_a_released_schema_upgrades_with_its_rows(engine: Engine, catalog: Path, schema: str) -> None:
    restore(catalog, schema)
    assert read_revision(engine) == schema
    upgrade(engine)
    assert read_revision(engine) == HEAD
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_own_table})
        assert compare_metadata(context, METADATA) == []
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert list(sync_state.file_records(connection, "/")) == [
            FileRecord(2, "/photos/b.jpg", 2000, 1_700_000_000_000_000_002, None),
            FileRecord(1, INVALID_UTF8, 1000, 1_700_000_000_000_000_001, None),
            FileRecord(3, "/photos/empty.jpg", 0, 1_700_000_000_000_000_003, "empty"),
            FileRecord(4, "/scans/.hidden/d.png", 4000, 1_700_000_000_000_000_004, None),
        ]


@pytest.mark.parametrize("schema", [schema for schema in RELEASED if schema < "r0009"])
def test_the_metadata_of_photos_of_an_earlier_schema_is_outdated(engine: Engine, catalog: Path, schema: str) -> None:
    restore(catalog, schema)
    upgrade(engine)
    with engine.connect() as connection:
        ids = connection.exec_driver_sql("SELECT item_id FROM outdated_metadata ORDER BY item_id").scalars().all()
    assert ids == [1, 2, 4]  # 3 has failed


@pytest.mark.parametrize("schema", [schema for schema in RELEASED if schema < "r0009"])
def test_a_photo_that_an_earlier_version_called_damaged_is_tried_again(
    engine: Engine, catalog: Path, schema: str
) -> None:
    restore(catalog, schema)
    with closing(sqlite3.connect(catalog)) as old, old:
        old.execute("UPDATE items SET failure = 'damaged' WHERE failure = 'empty'")
    upgrade(engine)
    with engine.connect() as connection:
        times = {record.path: record.mtime_ns for record in sync_state.file_records(connection, "/")}
    assert times["/photos/empty.jpg"] == -1, "the next run takes it for a changed file"
    assert times["/photos/b.jpg"] == 1_700_000_000_000_000_002


@pytest.mark.parametrize("schema", RELEASED)
def test_a_library_of_a_released_schema_opens_and_is_searched(catalog: Path, schema: str) -> None:
    restore(catalog, schema)
    with Store(catalog.parent, create=False) as store:
        encoder = store.encoder
        assert encoder is not None
        assert (encoder.name, encoder.dim, encoder.preprocess) == ("fake", 4, Preprocess(8, "squash", fill=127))
        # embedding 2 was deleted before the dump, 5 is the newest: the id 2 is not reused
        assert store.index().ids.tolist() == [1, 3, 5]
        assert store.index().search(HALVES[:1], 3).ids.tolist() == [[1, 3, 5]]


@pytest.mark.parametrize("schema", RELEASED)
def test_a_library_of_a_released_schema_keeps_its_rows(catalog: Path, schema: str) -> None:
    restore(catalog, schema)
    with Store(catalog.parent, create=False) as store, store.reading() as connection:
        assert list(counts.failures(connection)) == [Failure("/photos/empty.jpg", "empty", "the file is empty")]
        first = items.item_details(connection, [1])[1]
        assert (first.path, first.camera, first.latitude) == (INVALID_UTF8, "Recall One", 47.5)
        assert str(first.taken_at) == "2024-05-01 12:00:00"
        photos, scans = sources.sources(connection)
        assert (photos.root, photos.exclude, photos.include_hidden) == ("/photos", ["*.gif", "2019/*"], False)
        assert (scans.root, scans.exclude, scans.include_hidden) == ("/scans", [], True)
        assert str(photos.synced_at) == "2024-05-02 08:00:00"


@pytest.mark.parametrize("schema", RELEASED)
def test_a_library_of_a_released_schema_accepts_new_items(catalog: Path, schema: str) -> None:
    restore(catalog, schema)
    with Store(catalog.parent, create=False) as store:
        assert store.encoder is not None
        with store.transaction() as connection:
            photos, _ = sources.sources(connection)
            row = {"source_id": photos.id, "path": "/photos/new.jpg", "modality": "photo", "size": 1, "mtime_ns": 1}
            new_items = writes.save_items(connection, [row | {"indexed_at": photos.synced_at}])
            writes.add_embeddings(connection, new_items, store.encoder.id, HALVES[:1])
        assert store.index().ids.tolist() == [1, 3, 5, 6]


def test_labels_and_names_of_an_older_library_are_found_in_any_case_and_spelling(catalog: Path) -> None:
    restore(catalog, "r0007")
    with closing(sqlite3.connect(catalog)) as old, old:
        old.execute("INSERT INTO tags VALUES (2, 'ÉCOLE')")
        old.execute("UPDATE items SET name = 'u\u0308bung.jpg' WHERE id = 2")  # as r0007 stored a name of macOS
    with Store(catalog.parent, create=False) as store, store.reading() as connection:
        for where in (Filter.tag("école"), Filter.tag("e\u0301c*"), Filter.tag("SEA"), Filter.name("ÜBUNG.*")):
            assert matching_ids(connection, 1, where).tolist() == [3]


@pytest.mark.parametrize("schema", RELEASED)
def test_the_names_of_an_older_library_are_found(catalog: Path, schema: str) -> None:
    restore(catalog, schema)
    with Store(catalog.parent, create=False) as store, store.reading() as connection:
        words = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT rowid, words FROM item_words")}
        assert {id_: text.split()[:3] for id_, text in words.items()} == {
            1: ["jpg", "caf", "recall"],
            2: ["b", "jpg", "recall"],
            3: ["empty", "jpg"],
            4: ["d", "png", "hidden"],
        }
    with Store(catalog.parent, create=False) as store, store.transaction() as connection:
        writes.delete_items(connection, [1, 2, 3, 4])
        assert connection.exec_driver_sql("SELECT count(*) FROM item_words").scalar_one() == 0
