"""Thumbnails and originals through the server."""

from __future__ import annotations

import base64
import errno
import io
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from indexer.images.workers.reader import PictureReader
from retrieval import FailureKind, Library, PictureError
from retrieval.server.file_parts import open_in_place
from tests.support.serving import Running

L = "/api/libraries/photos"


def number_of(client: httpx.Client, name: str) -> int:
    """Return the number of a file's item."""
    page = client.get(f"{L}/items", params={"filters": f'{{"name": "{name}"}}'}).json()
    return int(page["items"][0]["item_id"])


def sentence(answer: httpx.Response) -> str:
    """Return why something is not found."""
    assert answer.status_code == 404, answer.text
    return str(answer.json()["detail"])


@pytest.fixture
def own(start: Callable[..., Running], tmp_path: Path, skimage_photos: Path) -> Iterator[httpx.Client]:
    """Return a client of a server on photos that the test may change, in `tmp_path / "own"`."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name in ("coffee.png", "rocket.jpg"):
        shutil.copy(skimage_photos / name, folder)
    with Library.open(tmp_path / "photos.recall", encoder="compact") as library:
        library.sync(folder)
    with start(tmp_path / "photos.recall", read_only=True).client() as client:
        yield client


def test_a_thumbnail_is_a_webp_that_clients_keep(client: httpx.Client) -> None:
    number = number_of(client, "coffee.png")
    answer = client.get(f"{L}/items/{number}/thumbnail")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["cache-control"] == "private, max-age=60"
    assert Image.open(io.BytesIO(answer.content)).size == (480, 320)
    tag = answer.headers["etag"]
    for known in (tag, f'"other", {tag}', "*"):
        same = client.get(f"{L}/items/{number}/thumbnail", headers={"If-None-Match": known})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert client.get(f"{L}/items/{number}/thumbnail", headers={"If-None-Match": '"other"'}).status_code == 200
    large = client.get(f"{L}/items/{number}/thumbnail", params={"size": "large"}, headers={"If-None-Match": tag})
    assert large.status_code == 200
    assert large.headers["etag"] != tag
    assert Image.open(io.BytesIO(large.content)).size == (600, 400)  # not enlarged


def test_what_has_no_thumbnail_says_why(client: httpx.Client) -> None:
    assert "it is a text" in sentence(client.get(f"{L}/items/{number_of(client, 'bread.txt')}/thumbnail"))
    assert "no item 999" in sentence(client.get(f"{L}/items/999/thumbnail"))
    assert client.get(f"{L}/items/1/thumbnail", params={"size": "huge"}).status_code == 422


def test_a_photo_is_given_as_it_is(client: httpx.Client, served_album: Path) -> None:
    answer = client.get(f"{L}/items/{number_of(client, 'rocket.jpg')}/original")
    assert answer.content == (served_album / "rocket.jpg").read_bytes()
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-disposition"] == 'inline; filename="rocket.jpg"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = client.get(str(answer.url), headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_text_is_downloaded_and_never_shown(client: httpx.Client) -> None:
    answer = client.get(f"{L}/items/{number_of(client, 'bread.txt')}/original")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="bread.txt"'


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-50", -50, None)],
)
def test_parts_of_a_file_are_given(
    client: httpx.Client, served_album: Path, asked: str, start: int, end: int | None
) -> None:
    content = (served_album / "rocket.jpg").read_bytes()
    answer = client.get(f"{L}/items/{number_of(client, 'rocket.jpg')}/original", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == content[start:end]
    assert answer.headers["content-range"].endswith(f"/{len(content)}")


def test_a_part_behind_the_end_is_refused(client: httpx.Client) -> None:
    address = f"{L}/items/{number_of(client, 'rocket.jpg')}/original"
    answer = client.get(address, headers={"Range": "bytes=99999999-"})
    assert answer.status_code == 416
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-range"] == f"bytes */{len(client.get(address).content)}"


def test_a_photo_that_was_deleted_has_its_thumbnail_and_no_original(own: httpx.Client, tmp_path: Path) -> None:
    number = number_of(own, "coffee.png")
    seen = own.get(f"{L}/items/{number}/thumbnail")
    (tmp_path / "own").rename(tmp_path / "away")  # as a disk that is not connected
    assert "connect its disk" in sentence(own.get(f"{L}/items/{number}/original"))
    assert own.get(f"{L}/items/{number}/thumbnail").content == seen.content
    other = number_of(own, "rocket.jpg")
    assert "the file does not exist" in sentence(own.get(f"{L}/items/{other}/thumbnail"))


def test_no_link_leads_out_of_the_folder(own: httpx.Client, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    shutil.move(tmp_path / "own" / "coffee.png", secret)
    (tmp_path / "own" / "coffee.png").symlink_to(secret)
    answer = own.get(f"{L}/items/{number_of(own, 'coffee.png')}/original")
    assert "a link leads out of the folder" in sentence(answer)
    assert str(secret) not in answer.text
    other = tmp_path / "other.png"
    shutil.copy(tmp_path / "own" / "rocket.jpg", other)
    (tmp_path / "own" / "coffee.png").unlink()
    (tmp_path / "own" / "coffee.png").symlink_to(other)
    answer = own.get(f"{L}/items/{number_of(own, 'coffee.png')}/thumbnail")
    assert "a link leads out of the folder" in sentence(answer)


def test_a_link_that_comes_between_the_check_and_the_opening_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    photo = tmp_path / "photos" / "a.png"
    photo.write_bytes(b"a photo")
    with open_in_place(photo) as file:
        assert file.read() == b"a photo"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(b"a secret")
    (tmp_path / "photos").rename(tmp_path / "before")
    (tmp_path / "photos").symlink_to(tmp_path / "elsewhere")  # a folder on the way
    with pytest.raises(OSError, match="another file has taken its place"):
        open_in_place(photo)
    (tmp_path / "photos").unlink()
    (tmp_path / "before").rename(tmp_path / "photos")
    photo.unlink()
    photo.symlink_to(tmp_path / "elsewhere" / "a.png")  # the file itself
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        open_in_place(photo)
    photo.unlink()
    os.mkfifo(photo)  # nobody writes into it: opening it would wait for ever
    with pytest.raises(OSError, match="another file has taken its place"):
        open_in_place(photo)


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=0-0,9-9", "bytes=a-b", "lines=1-2", "bytes=-", "bytes=--1", f"bytes=0-{'9' * 50}"]
)
def test_what_is_not_one_range_is_answered_by_the_whole_file(client: httpx.Client, asked: str) -> None:
    address = f"{L}/items/{number_of(client, 'rocket.jpg')}/original"
    whole = client.get(address)
    answer = client.get(address, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, whole.content)
    assert client.get(address, headers={"Range": "bytes=0-9", "If-Range": '"old"'}).status_code == 200
    part = client.get(address, headers={"Range": "bytes=0-9", "If-Range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[:10])


def test_parts_of_a_stored_original_are_given(
    start: Callable[..., Running], served_library: Path, served_album: Path
) -> None:
    with start(served_library).client() as client:
        content = (served_album / "rocket.jpg").read_bytes()
        item = {"id": "stored", "data": base64.b64encode(content).decode()}
        number = client.post(f"{L}/items", json={"items": [item], "keep": "original"}).json()["item_ids"][0]
        answer = client.get(f"{L}/items/{number}/original", headers={"Range": "bytes=-7"})
        assert (answer.status_code, answer.content) == (206, content[-7:])
        tag = answer.headers["etag"]
        assert client.get(f"{L}/items/{number}/original", headers={"If-None-Match": tag}).status_code == 304


def test_a_photo_that_became_something_else_says_so(own: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "own" / "coffee.png").write_bytes(b"<html>not a picture</html>")
    number = number_of(own, "coffee.png")
    assert "there is no thumbnail" in sentence(own.get(f"{L}/items/{number}/thumbnail"))
    answer = own.get(f"{L}/items/{number}/original")  # the bytes as they are, which no browser takes for a page
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_thumbnails_that_take_long_keep_no_search_waiting(
    client: httpx.Client, shared_server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, made = threading.Event(), threading.Event()

    def make(self: PictureReader, source: Path | bytes, *, size: str) -> bytes:
        begun.set()
        made.wait(30)
        raise PictureError(FailureKind.DAMAGED, "it took too long")

    monkeypatch.setattr(PictureReader, "webp_thumbnail", make)
    number = number_of(client, "camera.png")  # of which no other test makes a thumbnail

    def ask(_: int) -> int:
        with shared_server.client() as other:
            return other.get(f"{L}/items/{number}/thumbnail").status_code

    with ThreadPoolExecutor(60) as pool:  # more than the 40 threads of a server
        answers = pool.map(ask, range(60))
        try:
            assert begun.wait(30)
            time.sleep(1)  # until all have asked
            assert client.get(f"{L}/status", timeout=10).status_code == 200
        finally:
            made.set()
        assert set(answers) == {404}


def test_pictures_need_the_token(shared_server: Running, client: httpx.Client) -> None:
    number = number_of(client, "coffee.png")
    with shared_server.client(token=None) as stranger:
        for kind in ("thumbnail", "original"):
            assert stranger.get(f"{L}/items/{number}/{kind}").status_code == 401
