"""Photos in a folder and in a bucket: the same tests of a sync and of what reads the photos later."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.errors import NoPhotosError, SourceError
from indexer.types import Modality
from retrieval import Library
from tests.support.blocks import xmp_block
from tests.support.color_photos import PALETTE, photo_bytes
from tests.support.encoders import FakeEncoder
from tests.support.photo_places import PhotoPlace

pytestmark = pytest.mark.cluster


def fill(place: PhotoPlace, count: int = 6) -> None:
    """Write photos, each of another content."""
    for number in range(count):
        place.write(f"{number % 2}/{number:03}.png", photo_bytes(PALETTE[number % 6], note=f"{number:03}"))


def names(library: Library, place: PhotoPlace) -> list[str]:
    """Return the items' paths below the place."""
    paths = [str(item.path) for item in library.list(sort="path")]
    assert all(path.startswith(place.url + "/") for path in paths)
    return [path.removeprefix(place.url + "/") for path in paths]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "photos.recall", encoder=FakeEncoder())


def test_a_second_sync_does_nothing(place: PhotoPlace, library: Library, requests: list[tuple[str, str]]) -> None:
    fill(place)
    place.write("note.txt", b"blue sky")
    place.write("1/broken.jpg", b"no picture")
    report = library.sync(place.url)
    assert (report.added, report.failed) == (7, 1)
    assert names(library, place) == [
        "0/000.png",
        "0/002.png",
        "0/004.png",
        "1/001.png",
        "1/003.png",
        "1/005.png",
        "note.txt",
    ]
    requests.clear()
    report = library.sync(place.url)
    assert (report.added, report.changed, report.unchanged, report.failed) == (0, 0, 7, 1)
    assert library.sync().unchanged == 7
    assert {name for _, name in requests} <= {"photos/1/broken.jpg"}  # what is tried again


def test_what_was_changed_moved_copied_and_removed_is_seen(place: PhotoPlace, library: Library) -> None:
    fill(place)
    library.sync(place.url)
    before = {item.path.name: item.item_id for item in library.list()}
    place.write("0/000.png", photo_bytes("white", note="changed"))
    place.move("0/002.png", "2/moved ä b%20c.png")
    place.write("copy.png", photo_bytes(PALETTE[1], note="001"))
    place.delete("1/003.png")
    encoder = FakeEncoder()
    library.close()
    with Library.open(library.path, encoder=encoder) as opened:
        report = opened.sync(place.url)
        assert (report.added, report.changed, report.moved, report.removed) == (1, 1, 1, 1)
        after = {item.path.name: item.item_id for item in opened.list()}
        assert sorted(after) == ["000.png", "001.png", "004.png", "005.png", "copy.png", "moved ä b%20c.png"]
        assert after["moved ä b%20c.png"] == before["002.png"]
        assert encoder.pictures == [1]


def test_sidecars_are_read_and_their_changes_seen(place: PhotoPlace, library: Library) -> None:
    fill(place, 2)
    place.write("0/000.xmp", xmp_block(title="Harbour"))
    place.write(
        "1/001.png.json",
        b'{"title": "001.png", "description": "from Takeout", "photoTakenTime": {"timestamp": "1580697846"}}',
    )
    library.sync(place.url)
    assert [(item.title, item.description) for item in library.list(sort="path")] == [
        ("Harbour", None),
        (None, "from Takeout"),
    ]
    assert library.sync().unchanged == 2
    place.write("0/000.xmp", xmp_block(title="Harbour at night"))
    assert library.sync().changed == 1
    assert library.list(sort="path")[0].title == "Harbour at night"


def test_sidecars_have_their_own_limits(place: PhotoPlace, tmp_path: Path) -> None:
    place.write("a.png", photo_bytes("red"))
    place.write("a.xmp", xmp_block(title="Harbour") + b" " * 5000)
    place.write("b.png", photo_bytes("blue"))
    place.write("b.png.json", b"{}" + b" " * 2**20)
    with Library.open(tmp_path / "photos.recall", encoder=FakeEncoder(), max_bytes=5000) as library:
        report = library.sync(place.url)
        assert (report.added, report.failed) == (2, 0)
        assert [item.title for item in library.list(sort="path")] == ["Harbour", None]
        (failure,) = report.unread_sidecars
    assert failure.path == f"{place.url}/b.png.json"
    assert failure.message == "it is larger than 1,048,576 bytes, the limit for sidecars"


def test_rules_exclude_names_and_paths(place: PhotoPlace, library: Library) -> None:
    fill(place)
    place.write(".hidden/a.png", photo_bytes("red"))
    place.write("@eaDir/a.png", photo_bytes("red"))
    assert library.sync(place.url, exclude=["1/*", "004*"]).added == 2
    assert names(library, place) == ["0/000.png", "0/002.png"]
    assert library.sync(f"{place.url}/1/001.png").added == 1  # a source of its own, which the rules do not concern


def test_a_subfolder_is_a_part_of_its_source(place: PhotoPlace, library: Library) -> None:
    fill(place)
    library.sync(place.url)
    place.write("1/new.png", photo_bytes("red", note="new"))
    place.write("0/new.png", photo_bytes("red", note="another"))
    assert library.sync(f"{place.url}/1").added == 1
    assert [str(source.root) for source in library.status().sources] == [place.url]


def test_a_place_that_lost_all_photos_keeps_its_items(place: PhotoPlace, library: Library) -> None:
    fill(place)
    library.sync(place.url)
    for number in range(6):
        place.delete(f"{number % 2}/{number:03}.png")
    with pytest.raises(NoPhotosError, match="nothing was removed"):
        library.sync(place.url)
    assert len(library) == 6
    with pytest.raises(NoPhotosError, match="nothing was removed"):
        library.sync()
    assert library.sync(place.url, forget_missing=True).removed == 6


def test_a_place_that_is_gone_keeps_its_items(place: PhotoPlace, library: Library) -> None:
    fill(place)
    library.sync(place.url)
    place.close()
    with pytest.raises(SourceError):
        library.sync(place.url, forget_missing=True)
    assert len(library) == 6


def test_what_reads_photos_later_reads_them(place: PhotoPlace, library: Library, tmp_path: Path) -> None:
    fill(place)
    library.sync(place.url)
    hit = library.search("red", k=1)[0]
    assert str(hit.path) == f"{place.url}/0/000.png"
    assert str(library.similar(f"{place.url}/0/000.png", k=1)[0].path) == str(library.similar(hit, k=1)[0].path)
    assert list(library.check()) == []
    assert library.thumbnail(hit, side=8)[:2] == b"\xff\xd8"
    thumbnail = library.web_thumbnail(hit.item_id)
    assert thumbnail is not None
    assert thumbnail.content[:4] == b"RIFF"
    original = library.original(hit.item_id)
    assert original is not None
    content = original.content if original.path is None else original.path.read_bytes()
    assert content == photo_bytes("red", note="000")
    assert hit.picture().size == (16, 12)
    assert library.explain("red", hit).regions is not None
    for name in ("copy.png", "copy 2.png"):  # perhaps in one second, which is all that an object's time tells
        place.write(name, photo_bytes("red", note="000"))
    library.sync()
    groups = library.duplicates().groups
    assert [[photo.path.name for photo in (group.best, *group.others)] for group in groups] == [
        ["000.png", "copy.png", "copy 2.png"]
    ]
    place.write("0/000.png", photo_bytes("lime", note="longer"))
    place.delete("0/002.png")
    assert [(problem.kind, problem.subject.partition(" (")[0]) for problem in library.check()] == [
        ("changed", f"{place.url}/0/000.png"),
        ("missing", f"{place.url}/0/002.png"),
    ]
    changed = library.web_thumbnail(hit.item_id, unless=thumbnail.tag)
    assert changed is not None
    assert changed.tag != thumbnail.tag


def test_items_are_listed_filtered_and_forgotten_by_folder(place: PhotoPlace, library: Library) -> None:
    fill(place)
    library.sync(place.url)
    assert {hit.path.name for hit in library.search("red", k=9, folder=f"{place.url}/1/")} == {
        "001.png",
        "003.png",
        "005.png",
    }
    assert library.forget(f"{place.url}/1") == 3
    assert names(library, place) == ["0/000.png", "0/002.png", "0/004.png"]
    assert library.forget(f"{place.url}/0/000.png") == 1


def test_an_export_comes_back_at_another_place(place: PhotoPlace, library: Library, tmp_path: Path) -> None:
    fill(place)
    library.sync(place.url)
    library.export(tmp_path / "export")
    with Library.open(tmp_path / "same.recall", encoder=FakeEncoder()) as same:
        same.import_(tmp_path / "export")
        assert names(same, place) == names(library, place)
        assert same.sync().unchanged == 6
    with Library.open(tmp_path / "other.recall", encoder=FakeEncoder()) as other:
        other.import_(tmp_path / "export", roots={place.url: "s3://another/album"})
        assert str(other.list(sort="path")[0].path) == "s3://another/album/0/000.png"
        assert {item.kind for item in other.list()} == {Modality.PHOTO}


def test_another_encoder_reads_the_photos_again(place: PhotoPlace, library: Library) -> None:
    fill(place)
    library.sync(place.url)
    library.close()
    encoder = FakeEncoder(name="fake/other", fingerprint="d1" * 20)
    with Library.open(library.path) as opened:
        report = opened.use_encoder(encoder)
    assert sum(encoder.pictures) >= 6
    assert (report.units, report.approximate) == (6, 0)
