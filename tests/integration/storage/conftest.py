"""A place of photos: a folder and a bucket, for tests that run on both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.storage.object_store import ObjectStore, _file_system
from tests.support.photo_places import PhotoBucket, PhotoFolder, PhotoPlace


@pytest.fixture(autouse=True)
def _new_connections() -> Iterator[None]:
    """Forget the connections of the test before, which had other keys."""
    _file_system.cache_clear()
    yield
    _file_system.cache_clear()


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> PhotoPlace:
    """Return an empty folder, then an empty prefix of a bucket."""
    if request.param == "folder":
        (tmp_path / "photos").mkdir()
        return PhotoFolder(tmp_path / "photos")
    url: str = request.getfixturevalue("bucket")
    return PhotoBucket(request.getfixturevalue("s3_server"), f"{url}/photos")


@pytest.fixture
def photo_bucket(request: pytest.FixtureRequest, bucket: str) -> PhotoBucket:
    """Return an empty prefix of a bucket."""
    return PhotoBucket(request.getfixturevalue("s3_server"), f"{bucket}/photos")


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return the requests about single objects, as they are sent: "info", "read" or "hash", and the key."""
    sent: list[tuple[str, str]] = []
    for kind, name in (("info", "info"), ("read", "read_up_to"), ("read", "read"), ("hash", "sha256")):
        _record(monkeypatch, sent, kind, name)
    return sent


def _record(monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, str]], kind: str, method: str) -> None:
    send = getattr(ObjectStore, method)

    def record(self: ObjectStore, name: str, *arguments: object, **options: object) -> object:
        sent.append((kind, name))
        return send(self, name, *arguments, **options)

    monkeypatch.setattr(ObjectStore, method, record)
