"""The URL of a library on a server: what it says, what is refused, and that no password is in what is said."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from indexer.config import Settings, library_place
from indexer.database_url import DatabaseUrl, is_database_url
from indexer.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("postgresql://h/photos", {"host": "h", "dbname": "photos"}),
        ("postgresql:///photos", {"dbname": "photos"}),
        ("postgresql://me@h:5433/photos", {"host": "h", "dbname": "photos", "user": "me", "port": "5433"}),
        ("postgresql://[::1]:5433/photos", {"host": "::1", "dbname": "photos", "port": "5433"}),
        ("postgresql:///photos?host=/run/pg&port=5", {"host": "/run/pg", "dbname": "photos", "port": "5"}),
        ("postgresql:///photos?host=a,b&port=1,2", {"host": "a,b", "dbname": "photos", "port": "1,2"}),
        ("postgresql://a%40b@h/d%2Fb", {"host": "h", "dbname": "d/b", "user": "a@b"}),
        ("postgresql://h/photos?sslmode=require", {"host": "h", "dbname": "photos", "sslmode": "require"}),
        ("postgresql://h/photos?service=team", {"host": "h", "dbname": "photos", "service": "team"}),
    ],
)
def test_a_url_gives_the_arguments_of_a_connection_and_is_printed_as_it_was(
    text: str, arguments: dict[str, str]
) -> None:
    url = DatabaseUrl.parse(text)
    assert url.connect_arguments() == arguments
    assert url.schema == "recall"
    assert str(url) == text
    assert DatabaseUrl.parse(str(url)) == pickle.loads(pickle.dumps(url)) == url  # noqa: S301 - just pickled


def test_several_hosts_are_printed_after_the_question_mark() -> None:
    url = DatabaseUrl.parse("postgresql://a:1,b/photos")
    assert url.connect_arguments() == {"host": "a,b", "dbname": "photos", "port": "1,"}
    assert DatabaseUrl.parse(str(url)) == url


def test_a_schema_is_a_library_of_its_own() -> None:
    own, shared = DatabaseUrl.parse("postgresql://h/photos?schema=ann_2"), DatabaseUrl.parse("postgresql://h/photos")
    assert own.schema == "ann_2"
    assert str(own) == "postgresql://h/photos?schema=ann_2"
    assert own.key != shared.key
    assert shared.key == DatabaseUrl.parse("postgresql://me@h/photos?sslmode=require").key


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("postgresql://h", "names no database"),
        ("postgresql://h/", "names no database"),
        ("postgresql://h:54x/photos", "has a port that is not a number"),
        ("postgresql://h/a/b", "has a /, @ or # in a name"),
        ("postgresql://h/photos?color=red", "has an unknown option 'color'"),
        ("postgresql://h/photos?sslmode=", "has no value for sslmode"),
        ("postgresql://h/photos?schema=a&schema=b", "has schema twice"),
        ("postgresql://h/photos?schema=Ann", "the library's schema is 'Ann'"),
        ("postgresql://h/photos?schema=pg_ann", "the library's schema is 'pg_ann'"),
        ("postgres://h/photos", "is a URL of 'postgres'"),
        ("mysql://h/photos", "is a URL of 'mysql'"),
        ("s3://bucket/photos.recall", "is a URL of 's3'"),
    ],
)
def test_a_url_that_names_no_library_is_refused(text: str, reason: str) -> None:
    assert is_database_url(text)
    with pytest.raises(ConfigError, match=r"the library") as refused:
        DatabaseUrl.parse(text)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:s3cret@h/photos",
        "postgresql://me:s3cret@h:5432/photos?schema=x",
        "postgresql://me:s3cret",
        "postgresql://me:s3cret@h",
        "postgresql://me:a#s3cret@h/photos",
        "postgresql://me:a/s3cret@h/photos",
        "postgresql://me:a?s3cret@h/photos",
        "postgresql://me:a@s3cret@h/photos",
        "postgresql://h/photos?password=s3cret",
        "postgresql://h/photos?sslpassword=s3cret",
        "postgresql://h/photos?s3cret@h",
        "mysql://me:s3cret@h/photos",
    ],
)
def test_a_password_is_refused_and_never_printed(text: str) -> None:
    for given in (
        lambda: DatabaseUrl.parse(text),
        lambda: Settings.load(library=text, environ={}),
        lambda: Settings.load(environ={"RECALL_LIBRARY": text, "RECALL_CONFIG": os.devnull}),
    ):
        with pytest.raises(ConfigError) as refused:
            given()
        assert "s3cret" not in str(refused.value)


def test_settings_take_folders_and_urls() -> None:
    assert Settings.load(library="~/x.recall", config=False).library == Path("~/x.recall").expanduser()
    url = DatabaseUrl.parse("postgresql://h/photos")
    assert Settings.load(library=str(url), config=False).library == url
    assert Settings.load(library=url, config=False).library == url
    environ = {"RECALL_LIBRARY": str(url), "RECALL_CONFIG": os.devnull}
    assert Settings.load(environ=environ).library == url


def test_a_url_that_was_made_a_path_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"was given as a Path, or lacks a slash; give postgresql://… as text"):
        library_place(Path("postgresql://h/photos"))
