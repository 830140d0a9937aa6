"""Single pictures, such as those of queries, are read with the bounds of indexing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from indexer.errors import FailureKind, PictureError, QueryError
from indexer.images import Limits, open_picture, read_pixels
from indexer.images.workers import PictureReader
from indexer.types import Preprocess
from retrieval import Filter, Library
from tests.support.color_photos import paint
from tests.support.decode_workers import is_running, wait_until, worker_pid
from tests.support.pictures import encoded, exif_block, quadrants
from tests.support.program import Program

pytestmark = pytest.mark.folder

SQUARE = Preprocess(32)


def hanging_jpeg() -> bytes:
    """Return a JPEG of 180 KB that takes a decoder minutes: each of its 2,500 first scans has no data."""
    large = encoded(quadrants(4000, 4000).convert("L"), "JPEG", progressive=True)
    first = large.index(b"\xff\xda")
    second = large.index(b"\xff", first + 14)
    return large[:second] + large[first:second] * 2500 + large[second:]


def one_process(reader: PictureReader) -> int:
    """Return the id of a reader's only process."""
    assert len(reader._workers) == 1
    return worker_pid(reader)


@pytest.fixture
def reader() -> PictureReader:
    return PictureReader(limits=Limits(), timeout=60)


def test_a_reader_returns_what_reading_in_this_process_returns(reader: PictureReader, tmp_path: Path) -> None:
    content = encoded(quadrants(), "JPEG", exif=exif_block(orientation=6, position=(1.5, 2.5)))
    file = tmp_path / "photo.jpg"
    file.write_bytes(content)
    picture, metadata = open_picture(file)
    expected = read_pixels(content, preprocess=SQUARE)
    for source in (file, content, picture):
        assert np.array_equal(reader.pixels(source, preprocess=SQUARE), read_pixels(source, preprocess=SQUARE))
    assert np.array_equal(reader.pixels(file, preprocess=SQUARE), expected)
    assert reader.picture(file)[0].tobytes() == picture.tobytes()
    assert reader.picture(file)[1] == reader.metadata(file) == metadata
    assert reader.thumbnail(file, side=16)[:3] == b"\xff\xd8\xff"
    reader.close()


def test_one_process_reads_one_picture_after_the_other_until_close(reader: PictureReader) -> None:
    content = encoded(quadrants(), "PNG")
    reader.pixels(content, preprocess=SQUARE)
    pid = one_process(reader)
    with pytest.raises(PictureError, match="empty"):
        reader.pixels(b"", preprocess=SQUARE)
    reader.pixels(content, preprocess=SQUARE)
    assert one_process(reader) == pid
    reader.close()
    assert wait_until(lambda: not is_running(pid))


def test_a_picture_that_takes_too_long_is_given_up_and_the_next_is_read() -> None:
    reader = PictureReader(limits=Limits(), timeout=2)
    reader.pixels(encoded(quadrants(), "PNG"), preprocess=SQUARE)
    pid = one_process(reader)
    with pytest.raises(PictureError, match="longer than 2 seconds") as caught:
        reader.pixels(hanging_jpeg(), preprocess=Preprocess(2000))
    assert caught.value.kind is FailureKind.TIMED_OUT
    assert not is_running(pid)
    assert reader.pixels(encoded(quadrants(), "PNG"), preprocess=SQUARE).shape == (32, 32, 3)
    reader.close()


def test_many_threads_share_few_processes(reader: PictureReader) -> None:
    contents = [encoded(quadrants(64, 32 + n), "PNG") for n in range(16)]
    results: dict[int, bool] = {}

    def read(number: int) -> None:
        pixels = reader.pixels(contents[number], preprocess=SQUARE)
        results[number] = np.array_equal(pixels, read_pixels(contents[number], preprocess=SQUARE))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(results.values()) == [True] * 16
    assert len(reader._workers) <= 4
    reader.close()


def test_a_reader_that_nobody_closes_ends_its_process(reader: PictureReader) -> None:
    own = PictureReader(limits=Limits(), timeout=60)
    own.pixels(encoded(quadrants(), "PNG"), preprocess=SQUARE)
    pid = one_process(own)
    del own
    assert wait_until(lambda: not is_running(pid))


@pytest.fixture
def impatient(library: Library, folder: Path) -> Library:
    """Return a library with a photo, whose pictures may take two seconds."""
    paint(folder / "red.png", "red")
    library.sync(folder)
    store = library._store
    store._pictures = PictureReader(limits=Limits(), timeout=2)
    return library


def test_no_picture_of_a_query_holds_the_app(impatient: Library, tmp_path: Path) -> None:
    bomb = tmp_path / "scans.jpg"
    bomb.write_bytes(hanging_jpeg())
    impatient._encoder.for_indexing().preprocess = Preprocess(2000)  # type: ignore[misc]
    calls: list[Callable[[], object]] = [
        lambda: impatient.search(bomb),
        lambda: impatient.search(bomb.read_bytes()),
        lambda: impatient.similar(bomb),
        lambda: impatient.search("red", where=Filter.near_photo(bomb, km=1)),
    ]
    for call in calls:
        with pytest.raises(QueryError, match="longer than 2 seconds"):
            call()


def test_a_jpeg_of_thousands_of_needless_scans_is_read_at_once(reader: PictureReader) -> None:
    whole = encoded(quadrants(2000, 2000), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    bomb = whole[:-2] + whole[last:-2] * 5000 + whole[-2:]
    assert np.array_equal(reader.pixels(bomb, preprocess=SQUARE), read_pixels(whole, preprocess=SQUARE))
    reader.close()


def test_the_command_reads_a_picture_in_a_process_of_its_own(recall_program: Program, photos: Path) -> None:
    recall_program("index", photos)
    bomb = photos / "scans.jpg"
    bomb.write_bytes(hanging_jpeg())
    given_up = recall_program("search", bomb, env={"RECALL_TIMEOUT": "2"})
    assert given_up.returncode == 2
    assert "scans.jpg cannot be used as a query: decoding took longer than 2 seconds" in given_up.stderr
