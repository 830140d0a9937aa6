"""Photos in a bucket: what only object stores have, and what goes wrong with them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from indexer.errors import NoPhotosError, SourceError, StorageError
from indexer.storage.object_store import ObjectStore, _file_system
from retrieval import Library, embed_parts
from tests.support.color_photos import PALETTE, photo_bytes
from tests.support.encoders import FakeEncoder
from tests.support.photo_places import PhotoBucket, PhotoFolder, PhotoPlace
from tests.support.program import Program
from tests.support.s3 import S3Server

pytestmark = pytest.mark.cluster

MANY = 90
"""Photos: more than are fetched and decoded ahead."""


def fill(place: PhotoPlace, count: int) -> None:
    """Write photos, each of another content."""
    for number in range(count):
        place.write(f"{number:03}.png", photo_bytes(PALETTE[number % 6], note=f"{number:03}"))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Return an empty library."""
    return Library.open(tmp_path / "photos.recall", encoder=FakeEncoder())


@pytest.fixture
def own_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """Return an object store that the test may kill."""
    server = S3Server()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.close()


def test_an_object_that_was_uploaded_again_is_not_read(
    photo_bucket: PhotoBucket, library: Library, requests: list[tuple[str, str]]
) -> None:
    fill(photo_bucket, 2)
    library.sync(photo_bucket.url)
    photo_bucket.write("000.png", photo_bytes(PALETTE[0], note="000"))
    requests.clear()
    report = library.sync()
    assert (report.changed, report.unchanged) == (0, 2)
    assert requests == [("info", "photos/000.png")]
    requests.clear()
    assert library.sync().unchanged == 2
    assert requests == []


def test_nested_sources_that_lost_everything_keep_their_items(photo_bucket: PhotoBucket, library: Library) -> None:
    fill(photo_bucket, 2)
    photo_bucket.write("inner/a.png", photo_bytes("red", note="inner"))
    library.sync(f"{photo_bucket.url}/inner")
    library.sync(photo_bucket.url)
    assert len(library.status().sources) == 2
    for name in ("000.png", "001.png", "inner/a.png"):
        photo_bucket.delete(name)
    with pytest.raises(NoPhotosError, match="nothing was removed"):
        library.sync()
    assert len(library) == 3


def test_an_object_with_another_etag_is_read(photo_bucket: PhotoBucket, library: Library) -> None:
    fill(photo_bucket, 2)
    library.sync(photo_bucket.url)
    photo_bucket.write("000.png", photo_bytes(PALETTE[3], note="00x"))  # as many bytes
    assert library.sync().changed == 1


def test_each_object_is_fetched_once(
    photo_bucket: PhotoBucket, library: Library, requests: list[tuple[str, str]]
) -> None:
    fill(photo_bucket, 5)
    library.sync(photo_bucket.url)
    assert sorted(name for kind, name in requests if kind == "read") == [f"photos/{n:03}.png" for n in range(5)]
    assert not [name for kind, name in requests if kind == "hash"]


def test_an_object_over_the_limit_is_not_fetched(photo_bucket: PhotoBucket, tmp_path: Path) -> None:
    fill(photo_bucket, 2)
    photo_bucket.write("large.png", bytes(5001))
    photo_bucket.write("empty.png", b"")
    with Library.open(tmp_path / "photos.recall", encoder=FakeEncoder(), max_bytes=5000) as library:
        report = library.sync(photo_bucket.url)
    assert (report.added, report.failed) == (2, 2)
    assert [failure.message for failure in report.failures] == [
        "the file is empty (0 bytes)",
        "5,001 bytes are over the limit of 5,000; raise it with --max-bytes",
    ]


def test_a_sidecar_over_its_limit_is_not_fetched(
    photo_bucket: PhotoBucket, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: dict[str, int] = {}
    read = ObjectStore.read_up_to

    def record(self: ObjectStore, name: str, limit: int) -> tuple[int, bytes]:
        size, content = read(self, name, limit)
        fetched[name] = len(content)
        return size, content

    monkeypatch.setattr(ObjectStore, "read_up_to", record)
    photo_bucket.write("a.png", photo_bytes("red"))
    photo_bucket.write("a.png.json", bytes(2**20 + 1))
    assert library.sync(photo_bucket.url).added == 1
    assert fetched.pop("photos/a.png.json") == 0
    assert fetched["photos/a.png"] > 0


def test_odd_keys_are_paths_of_items(photo_bucket: PhotoBucket, library: Library) -> None:
    names = [
        "a b.png",
        "ä.png",
        "100%25.png",
        "a+b&c=#?.png",
        "new\nline.png",
        "d.png",
        "d.png/e.png",
        "~.png",
        "s3:.png",
    ]
    for number, name in enumerate(names):
        photo_bucket.write(name, photo_bytes(PALETTE[number % 6], note=str(number)))
    photo_bucket._files.create_dir(f"{photo_bucket._prefix}/marker.png")
    assert library.sync(photo_bucket.url).added == len(names)
    assert {str(item.path) for item in library.list()} == {f"{photo_bucket.url}/{name}" for name in names}
    assert library.sync().unchanged == len(names)
    assert library.check() == []


def test_an_object_that_is_deleted_after_the_listing_is_one_failure(photo_bucket: PhotoBucket, tmp_path: Path) -> None:
    fill(photo_bucket, MANY)
    last = f"{MANY - 1:03}.png"
    deleted: list[str] = []

    def delete(_: int) -> None:
        if not deleted:
            photo_bucket.delete(last)
            deleted.append(last)

    encoder = FakeEncoder(before_images=delete)
    with Library.open(tmp_path / "photos.recall", encoder=encoder) as library:
        report = library.sync(photo_bucket.url)
        assert (report.added, report.failed) == (MANY - 1, 1)
        assert report.failures[0].message == "the object does not exist any more"
        assert library.sync().removed == 1


def test_keys_that_end_in_the_middle_end_the_run_and_lose_nothing(
    photo_bucket: PhotoBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_server: S3Server
) -> None:
    fill(photo_bucket, MANY)
    library = tmp_path / "photos.recall"

    def end_keys(_: int) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-secret")
        _file_system.cache_clear()

    with (
        Library.open(library, encoder=FakeEncoder(before_images=end_keys)) as opened,
        pytest.raises(StorageError, match="the secret key is wrong") as caught,
    ):
        opened.sync(photo_bucket.url)
    assert "hidden" not in str(caught.value)
    with Library.open(library, encoder=FakeEncoder()) as opened:
        kept = len(opened)
        with pytest.raises(SourceError, match="the secret key is wrong"):
            opened.sync(forget_missing=True)
        assert len(opened) == kept
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_server.environment["AWS_SECRET_ACCESS_KEY"])
        _file_system.cache_clear()
        report = opened.sync()
        assert (report.added, report.unchanged, report.failed) == (MANY - kept, kept, 0)


def test_a_server_that_dies_in_the_middle_ends_the_run_and_loses_nothing(own_s3: S3Server, tmp_path: Path) -> None:
    place = PhotoBucket(own_s3, f"s3://{own_s3.make_bucket()}/photos")
    fill(place, MANY)
    library = tmp_path / "photos.recall"
    with (
        Library.open(library, encoder=FakeEncoder(before_images=lambda _: own_s3.kill())) as opened,
        pytest.raises(StorageError, match="the server cannot be reached"),
    ):
        opened.sync(place.url)
    own_s3.start()
    with Library.open(library, encoder=FakeEncoder()) as opened:
        kept = len(opened)
        report = opened.sync()
        assert (report.added, report.unchanged, report.failed) == (MANY - kept, kept, 0)


def test_copies_in_an_unreachable_bucket_are_not_taken_for_moved(
    photo_bucket: PhotoBucket, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(photo_bucket, 3)
    library.sync(photo_bucket.url)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-secret")
    _file_system.cache_clear()
    (tmp_path / "photos").mkdir()
    folder = PhotoFolder(tmp_path / "photos")
    fill(folder, 3)
    report = library.sync(folder.url)
    assert (report.added, report.moved) == (3, 0)
    assert len(library) == 6


def test_parts_of_a_bucket_have_what_an_index_of_the_folder_has(photo_bucket: PhotoBucket, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    folder = PhotoFolder(tmp_path / "photos")
    for place in (folder, photo_bucket):
        fill(place, 140)  # two parts
        place.write("070-broken.png", b"no picture")
        place.write("note.txt", b"a red wall\n\nblue")
    with Library.open(tmp_path / "folder.recall", encoder=FakeEncoder()) as library:
        library.sync(folder.url)
    into = f"{photo_bucket.url.removesuffix('photos')}parts"
    for share in (1, 2):
        embed_parts(photo_bucket.url, into, encoder=FakeEncoder(), workers=1, part=(share, 2))
    assert embed_parts(photo_bucket.url, into, encoder=FakeEncoder(), workers=1).existing == 2
    with Library.open(tmp_path / "bucket.recall", encoder=FakeEncoder()) as library:
        assert library.import_(into).added == 141
        report = library.sync()
        assert (report.unchanged, report.failed) == (141, 1)
    assert vectors(tmp_path / "bucket.recall", photo_bucket.url) == vectors(tmp_path / "folder.recall", folder.url)


def vectors(library: Path, root: str) -> dict[str, bytes]:
    """Return the stored vectors by the paths below a root, and how many units an item has."""
    statement = (
        "SELECT path, position, vector FROM items JOIN units ON units.item_id = items.id "
        "JOIN embeddings ON embeddings.unit_id = units.id"
    )
    with closing(sqlite3.connect(library / "catalog.db")) as catalog:
        found = {
            f"{path.decode() if isinstance(path, bytes) else path} {position}".removeprefix(root): vector
            for path, position, vector in catalog.execute(statement)
        }
    assert len(found) > 140
    return found


def test_the_program_indexes_a_bucket_and_says_no_key(
    photo_bucket: PhotoBucket, recall_program: Program, s3_server: S3Server
) -> None:
    fill(photo_bucket, 3)
    photo_bucket.write("broken.jpg", b"no picture")
    keys = s3_server.environment
    run = recall_program("index", photo_bucket.url, env=keys)
    assert (run.returncode, run.stdout.partition(" in ")[0]) == (3, "3 added, 1 failed")
    assert f"failed: {photo_bucket.url}/broken.jpg: " in run.stderr
    assert recall_program("list", "--paths", env=keys).stdout.split() == [
        f"{photo_bucket.url}/{n:03}.png" for n in range(3)
    ]
    run = recall_program("index", env=keys | {"AWS_SECRET_ACCESS_KEY": "hidden-secret"})
    assert run.returncode == 2
    assert "the secret key is wrong" in run.stderr
    assert "hidden" not in run.stderr
    assert recall_program("index", env=keys).stdout.partition(" in ")[0] == "0 added, 3 unchanged, 1 failed"
    assert recall_program("forget", photo_bucket.url, env=keys).returncode == 0
    assert recall_program("list", "--paths", env=keys).stdout == ""
