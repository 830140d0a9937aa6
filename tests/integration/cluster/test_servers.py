"""The servers that the other tests marked cluster use."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.support.contents import count, rows
from tests.support.postgresql import BARE_DATABASE, GUARDED, OWNER, PASSWORD, VISITOR, PostgresServer
from tests.support.s3 import S3Server

pytestmark = pytest.mark.cluster


def test_a_library_gets_a_schema_and_pgvector(postgresql_server: PostgresServer, postgresql_url: str) -> None:
    schema = postgresql_url.partition("schema=")[2]
    postgresql_server.sql(f"CREATE SCHEMA {schema}", user=OWNER)
    rows(postgresql_url, "CREATE TABLE t (v halfvec, at timestamp, yes boolean)")
    rows(postgresql_url, "INSERT INTO t VALUES (?, ?, ?)", "[1,0.333]", "2024-05-01 12:00", True)
    assert rows(postgresql_url, "SELECT * FROM t") == [(b"\x00\x3c\x54\x35", "2024-05-01 12:00:00.000000", 1)]
    assert (count(postgresql_url, "t"), count(postgresql_url, "u")) == (1, 0)


def test_roles_may_do_what_their_names_say(postgresql_server: PostgresServer) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgresql_server.sql("CREATE SCHEMA mine", user=VISITOR)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgresql_server.sql("CREATE EXTENSION vector", user=OWNER, database=BARE_DATABASE)
    place = postgresql_server.url(user=GUARDED).partition("?")[0]
    for password, error in (("wrong", "password authentication failed"), ("", "no password supplied")):
        with pytest.raises(psycopg.OperationalError, match=error):
            psycopg.connect(place, password=password)
    psycopg.connect(place, password=PASSWORD).close()


def test_a_killed_server_has_what_was_committed(own_postgresql: PostgresServer) -> None:
    own_postgresql.sql("CREATE TABLE t (n int)", user=OWNER)
    own_postgresql.sql("INSERT INTO t SELECT generate_series(1, 1000)", user=OWNER)
    own_postgresql.kill()
    with pytest.raises(psycopg.OperationalError):
        own_postgresql.sql("SELECT 1")
    own_postgresql.start()
    assert own_postgresql.sql("SELECT count(*) FROM t") == [(1000,)]
    folder = own_postgresql.folder
    own_postgresql.close()
    assert not folder.exists()


def test_a_bucket_is_empty_and_takes_objects(s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    name, files = bucket.removeprefix("s3://"), s3_server.files()
    with files.open_output_stream(f"{name}/a/b.txt") as stream:
        stream.write(b"hello")
    assert files.open_input_file(f"{name}/a/b.txt").read(4) == b"hell"
    assert files.get_file_info(f"{s3_server.make_bucket()}/a/b.txt").type.name == "NotFound"
