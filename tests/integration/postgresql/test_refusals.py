"""Servers and URLs that cannot be used: one sentence each, no password in any, and nothing changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.catalog.postgresql.engine import check_server
from indexer.database_url import DatabaseUrl
from indexer.errors import LibraryError, LibraryVersionError, RecallError, StorageError, TuningError
from indexer.store import Store
from retrieval import Library
from tests.support.encoders import FakeEncoder
from tests.support.postgresql import BARE_DATABASE, GUARDED, PASSWORD, VISITOR, PostgresServer
from tests.support.program import Program

pytestmark = pytest.mark.cluster


def refusal(url: str) -> str:
    """Return the error of opening a library, which is one line."""
    with pytest.raises(RecallError) as refused:
        Library.open(url, config=False)
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_a_password_comes_from_the_environment_or_a_file(
    postgresql_url: str, postgresql_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = DatabaseUrl.parse(postgresql_server.url(DatabaseUrl.parse(postgresql_url).schema, user=GUARDED))
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    assert "does not let the user in (fe_sendauth: no password supplied); give the password by PGPASSWORD" in refusal(
        str(url)
    )
    monkeypatch.setenv("PGPASSWORD", "not the password")
    message = refusal(str(url))
    assert 'does not let the user in (password authentication failed for user "guarded"); give the pass' in message
    assert "not the password" not in message
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with Store(url, create=True) as store:
        assert PASSWORD not in repr(store.database) + store.name
    monkeypatch.delenv("PGPASSWORD")
    (tmp_path / "pgpass").write_text(f"{url.host}:{url.port}:{url.database}:{GUARDED}:{PASSWORD}\n")
    (tmp_path / "pgpass").chmod(0o600)
    Store(url, create=False).close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://recall@{host}/missing", "has no database 'missing'; correct the URL, or run: createdb"),
        ("postgresql://recall@127.0.0.1:1/photos", "does not answer (Connection refused); start it, or correct the U"),
        ("postgresql:///photos?host=/nowhere", "does not answer (No such file or directory)"),
        ("postgresql://recall@nowhere.invalid/photos", "does not answer ("),
        ("postgresql://{host}/photos?service=missing", 'service "missing" not found'),
        ("postgresql://recall@{host}/photos?sslmode=require", "does not support SSL"),
        ("postgresql://{visitor}@{host}/photos?schema=visitors", "lacks a right (permission denied for database"),
        ("postgresql://recall@{host}/{bare}?schema=new", "has no pgvector ("),
        ("postgresql://recall@{host}", "names no database"),
        ("postgresql://recall:s3cret@{host}/photos", "has a password"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(url: str, message: str, postgresql_server: PostgresServer) -> None:
    host = f"{postgresql_server.host}:{postgresql_server.port}"
    given = url.format(host=host, visitor=VISITOR, bare=BARE_DATABASE)
    said = refusal(given)
    assert message in said
    assert "s3cret" not in said
    for database in ("photos", BARE_DATABASE):
        schemas = postgresql_server.sql(
            "SELECT 1 FROM pg_namespace WHERE nspname IN ('visitors', 'new')", database=database
        )
        assert schemas == []


def test_a_schema_of_another_program_is_refused_and_stays(
    postgresql_url: str, postgresql_server: PostgresServer
) -> None:
    schema = DatabaseUrl.parse(postgresql_url).schema
    postgresql_server.sql(f"CREATE SCHEMA {schema} AUTHORIZATION recall")
    postgresql_server.sql(f"CREATE TABLE {schema}.customers (name text)", user="recall")
    assert f"the schema {schema} of {postgresql_url} belongs to another program (it has customers)" in refusal(
        postgresql_url
    )
    postgresql_server.sql(f"ALTER TABLE {schema}.customers RENAME TO alembic_version")
    assert "belongs to another program (it has alembic_version)" in refusal(postgresql_url)
    assert postgresql_server.sql(f"TABLE {schema}.alembic_version") == []


def test_an_empty_schema_that_an_administrator_made_becomes_a_library(
    postgresql_url: str, postgresql_server: PostgresServer
) -> None:
    url = DatabaseUrl.parse(postgresql_url)
    postgresql_server.sql(f"CREATE SCHEMA {url.schema} AUTHORIZATION {VISITOR}")
    own = DatabaseUrl.parse(postgresql_server.url(url.schema, user=VISITOR))
    with Store(own, create=True) as store, store.writing("trying"), store.transaction():
        pass


def test_a_library_of_a_newer_recall_is_refused(postgresql_url: str) -> None:
    url = DatabaseUrl.parse(postgresql_url)
    with Store(url, create=True) as store, store.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'r9999'")
    with pytest.raises(LibraryVersionError, match="this library has schema r9999, newer than this Recall knows"):
        Store(url, create=False)


def test_a_user_without_rights_to_a_library_is_refused(postgresql_url: str, postgresql_server: PostgresServer) -> None:
    url = DatabaseUrl.parse(postgresql_url)
    Store(url, create=True).close()
    own = postgresql_server.url(url.schema, user=VISITOR)
    assert f"lacks a right (permission denied for schema {url.schema})" in refusal(own)
    postgresql_server.sql(f"GRANT USAGE ON SCHEMA {url.schema} TO {VISITOR}")
    postgresql_server.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA {url.schema} TO {VISITOR}")
    with Library.open(own, read_only=True) as library:
        assert library.status().photos == 0
        with pytest.raises(LibraryError, match="was opened for reading only"):
            library.add(texts=["x"])
    with (
        Store(DatabaseUrl.parse(own), create=False) as store,
        pytest.raises(StorageError, match=r"lacks a right \(permission denied for table"),
        store.writing("trying"),
    ):
        pytest.fail("it may not write")


@pytest.mark.parametrize(
    ("version", "encoding", "message"),
    [
        (130022, "UTF8", "is PostgreSQL 13.22; expected 14 or later"),
        (90624, "UTF8", "is PostgreSQL 9.624; expected 14 or later"),
        (180004, "LATIN1", "has the encoding LATIN1; expected one that was made with UTF8"),
    ],
)
def test_an_old_server_or_one_without_all_letters_is_refused(version: int, encoding: str, message: str) -> None:
    with pytest.raises(StorageError, match=message):
        check_server(DatabaseUrl.parse("postgresql://h/photos"), version, encoding)


def test_lora_says_that_it_needs_a_folder(postgresql_url: str) -> None:
    with Library.open(postgresql_url, encoder=FakeEncoder()) as library:
        library.add(texts=["red"])
        with pytest.raises(TuningError, match=r"lora keeps the encoder that it trains in the library's folder"):
            library.tune(method="lora")


def test_the_program_takes_urls_and_says_what_is_wrong_with_them(
    recall_program: Program, postgresql_url: str, tmp_path: Path
) -> None:
    missing = recall_program("status", "--library", postgresql_url)
    assert missing.returncode == 2
    assert missing.stderr.startswith(f"recall: there is no library at {postgresql_url}; create one with")
    refused = recall_program("status", "--library", "postgresql://me:s3cret@h/photos")
    assert refused.returncode == 2
    assert "the library's URL has a password" in refused.stderr
    by_variable = recall_program("status", env={"RECALL_LIBRARY": "postgresql://me:s3cret@h/photos"})
    assert by_variable.returncode == 2
    assert "s3cret" not in refused.stderr + by_variable.stderr + refused.stdout + by_variable.stdout
