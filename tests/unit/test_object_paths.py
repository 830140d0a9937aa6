"""URLs of objects where others have paths of files."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest

from indexer.errors import ConfigError, TransferError
from indexer.object_path import ObjectPath, absolute_path, file_path, is_object
from indexer.storage.item_files import object_status
from indexer.sync import source_walker
from indexer.sync.object_walker import _is_key_in
from indexer.sync.scan_rules import Rules
from indexer.transfer.path_mapping import PathMapping, validate_path
from indexer.types import is_unchanged

URL = "s3://bucket/a b/ü#1.png"


def test_an_object_path_is_its_url() -> None:
    path = file_path(URL)
    assert isinstance(path, ObjectPath)
    assert (str(path), f"{path}", path.__fspath__()) == (URL, URL, URL)
    assert (path.name, path.suffix, str(path.parent)) == ("ü#1.png", ".png", "s3://bucket/a b")
    assert [str(parent) for parent in path.parents][:2] == ["s3://bucket/a b", "s3://bucket"]
    assert path.is_absolute()
    assert str(path.absolute()) == str(path.expanduser()) == URL
    for other in (pickle.loads(pickle.dumps(path)), copy.copy(path), file_path(path)):  # noqa: S301 - our own
        assert (type(other), str(other)) == (ObjectPath, URL)
        assert other == path
        assert hash(other) == hash(path)


def test_other_paths_stay_paths() -> None:
    assert type(file_path("/a/b.png")) is type(Path("/a/b.png"))
    assert not is_object("/s3:/bucket")
    assert absolute_path("/a/b/") == "/a/b"
    assert absolute_path("s3://bucket/a/") == "s3://bucket/a"
    assert absolute_path("s3://") == "s3://"


def test_the_status_of_an_object_has_size_time_and_etag() -> None:
    time_ns = 1_700_000_000 * 10**9
    status, changed, other = (
        object_status(url, 5, time_ns, etag) for url, etag in ((URL, "abc"), (URL, "abd"), (URL + "x", "abc"))
    )
    assert 0 <= status.st_ctime_ns < 2**63  # as the catalog stores it
    assert is_unchanged(status, 5, time_ns, status.st_ctime_ns)
    assert not is_unchanged(changed, 5, time_ns, status.st_ctime_ns)
    assert is_unchanged(other, 5, time_ns, status.st_ctime_ns)
    without = [object_status(URL, 5, time, None).st_ctime_ns for time in (time_ns, time_ns, time_ns + 10**9)]
    assert without[0] == without[1] != without[2]
    assert other.st_ino != status.st_ino == changed.st_ino  # two objects are never one file


@pytest.mark.parametrize(
    ("folder", "name", "is_key"),
    [
        ("", "a.jpg", True),
        ("", "", False),  # what a listing has for //a.jpg
        ("", ".", False),
        ("", "..", False),
        ("y", "y/a.jpg", True),
        ("y", "y", False),  # what a listing has for y//a.jpg
        ("y", "y/..", False),
        ("y", "y/a/b", False),
        ("y", "z/a.jpg", False),
    ],
)
def test_a_walk_enters_only_what_is_one_component_below(folder: str, name: str, is_key: bool) -> None:
    assert _is_key_in(folder, name) is is_key


@pytest.mark.parametrize("path", ["s3://bucket//x.jpg", "s3://bucket/a//x.jpg", "s3://bucket/x.jpg/", "s3:///x.jpg"])
def test_an_export_cannot_have_urls_that_name_no_object(path: str) -> None:
    assert validate_path("s3://bucket/a/x.jpg", "path") == "s3://bucket/a/x.jpg"
    with pytest.raises(TransferError, match="s3://BUCKET/PREFIX"):
        validate_path(path, "path")
    with pytest.raises(TransferError, match="s3://BUCKET/PREFIX"):
        PathMapping().resolve(path)


def test_a_source_in_object_storage_is_refused_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_walker, "os", SimpleNamespace(name="nt"))
    with pytest.raises(ConfigError, match=r"^s3://bucket/a cannot be indexed on Windows"):
        source_walker.walk_source("s3://bucket/a", Rules())
