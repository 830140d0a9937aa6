"""A prefix of a bucket as a place: listed, read, written whole, parts in it, and its errors."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from indexer.errors import StorageError
from indexer.storage import MissingFileError, open_place
from indexer.storage.object_store import ObjectStore, _file_system
from retrieval import Library, embed_parts
from tests.support.color_photos import PALETTE, paint
from tests.support.contents import contents
from tests.support.encoders import FakeEncoder

pytestmark = pytest.mark.cluster


def test_an_object_is_written_and_read_whole_or_in_part(bucket: str) -> None:
    place = open_place(f"{bucket}/a b/ü")
    place.write("x/y.bin", b"0123456789")
    assert place.read("x/y.bin") == b"0123456789"
    assert place.read("x/y.bin", start=2, size=3) == b"234"
    assert place.read("x/y.bin", start=20) == b""
    info = place.info("x/y.bin")
    assert info is not None
    assert info.size == 10
    assert info.etag
    assert place.info("x") is None
    place.delete("x/y.bin")
    place.delete("x/y.bin")
    with pytest.raises(MissingFileError, match=r"x/y\.bin is not there"):
        place.read("x/y.bin")


def test_objects_are_listed_in_the_byte_order_of_their_names(bucket: str) -> None:
    place = open_place(bucket)
    for name in ("a/z", "a.txt", "a-b/c", "ä", "b"):
        place.write(name, b"x")
    assert [entry.name for entry in place.walk()] == ["a-b/c", "a.txt", "a/z", "b", "ä"]
    assert [entry.name for entry in place.entries()] == ["a-b", "a.txt", "a", "b", "ä"]


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("AWS_SECRET_ACCESS_KEY", "hidden-secret", "the secret key is wrong"),
        ("AWS_ACCESS_KEY_ID", "hidden-key", "does not know the access key"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "the server cannot be reached"),
    ],
)
def test_what_is_refused_is_one_sentence_without_a_key(
    variable: str, value: str, reason: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    _file_system.cache_clear()
    place = open_place(bucket)
    for call in (place.entries, lambda: place.read("x"), lambda: place.write("x", b"1"), lambda: place.info("x")):
        with pytest.raises(StorageError, match=reason) as caught:
            call()
        assert "\n" not in str(caught.value)
        assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("size", [1, 10_000])  # of a small object the server's reason does not fit into the buffer
def test_an_object_that_is_deleted_after_it_was_opened_is_missing(
    size: int, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = open_place(bucket)
    assert isinstance(place, ObjectStore)
    system = place._system

    def open_deleted(method: str, path: str) -> object:
        stream = getattr(system, method)(path)
        system.delete_file(path)
        return stream

    names = ("open_input_file", "open_input_stream")
    deleting = SimpleNamespace(
        get_file_info=system.get_file_info, **{name: partial(open_deleted, name) for name in names}
    )
    for call in (
        lambda: place.read_up_to("x.png", 10**6),
        lambda: place.read("x.png"),
        lambda: place.read("x.png", size=1),
        lambda: place.sha256("x.png"),
    ):
        with monkeypatch.context() as patch:
            place.write("x.png", bytes(size))
            patch.setattr(ObjectStore, "_system", deleting)
            with pytest.raises(MissingFileError, match=r"x\.png is not there"):
                call()


def test_a_bucket_that_is_not_there_is_one_sentence(bucket: str) -> None:
    with pytest.raises(StorageError, match=r"the bucket 'no-such-bucket' .* there is no such bucket"):
        open_place("s3://no-such-bucket/x").entries()


def test_parts_in_a_bucket_have_what_an_index_of_the_folder_has(bucket: str, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for number in range(140):  # two parts
        paint(folder / f"{number:03}.png", PALETTE[number % 6], note=str(number))
    with Library.open(tmp_path / "index.recall", encoder=FakeEncoder()) as library:
        library.sync(folder)
    place = f"{bucket}/parts"
    assert embed_parts(folder, place, encoder=FakeEncoder(), workers=1).written == 2
    assert embed_parts(folder, place, encoder=FakeEncoder(), workers=1).existing == 2
    with Library.open(tmp_path / "parts.recall", encoder=FakeEncoder()) as library:
        assert library.import_(place).added == 140
        assert library.import_(place).existing == 140
    assert contents(tmp_path / "parts.recall") == contents(tmp_path / "index.recall")
