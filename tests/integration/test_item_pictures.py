"""Thumbnails that are kept, and originals that may be given to others."""

from __future__ import annotations

import io
import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from indexer.store.thumbnail_files import ThumbnailFiles, thumbnail_files
from retrieval import FailureKind, Item, Library, PictureError, QueryError, WebThumbnail
from tests.support.color_photos import paint


@pytest.fixture
def album(library: Library, tmp_path: Path) -> Library:
    """Return a library of a wide and an upright photo, a small one, and a note."""
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (4000, 1000), "red").save(photos / "wide.jpg")
    turned = Image.Exif()
    turned[0x0112] = 6  # rotated by 90 degrees
    Image.new("RGB", (2000, 1500), "lime").save(photos / "upright.jpg", exif=turned)
    paint(photos / "small.png", "blue")
    (photos / "note.txt").write_text("lime")
    library.sync(photos)
    return library


def item_named(library: Library, name: str) -> Item:
    """Return the item of a file."""
    return next(item for item in library.scan() if item.path.name == name)


def picture_of(thumbnail: WebThumbnail | None) -> Image.Image:
    """Return the picture of a thumbnail, which is a WebP without metadata."""
    assert thumbnail is not None
    picture = Image.open(io.BytesIO(thumbnail.content))
    assert picture.format == "WEBP"
    assert not {"exif", "icc_profile", "xmp"} & set(picture.info)
    return picture


@pytest.mark.parametrize(
    ("name", "small", "large"),
    [
        ("wide.jpg", (960, 240), (1440, 360)),  # a small one has at most 960 pixels a side
        ("upright.jpg", (320, 427), (1080, 1440)),
        ("small.png", (16, 12), (16, 12)),  # as it is
    ],
)
def test_thumbnails_have_one_of_two_sizes(
    album: Library, name: str, small: tuple[int, int], large: tuple[int, int]
) -> None:
    number = item_named(album, name).item_id
    assert picture_of(album.web_thumbnail(number)).size == small
    assert picture_of(album.web_thumbnail(number, size="large")).size == large


def test_a_thumbnail_is_made_once_and_kept_private(album: Library, tmp_path: Path) -> None:
    item = item_named(album, "upright.jpg")
    made = album.web_thumbnail(item.item_id)
    assert made is not None
    item.path.rename(tmp_path / "away.jpg")  # as if the disk were not connected
    assert album.web_thumbnail(item.item_id) == made
    (file,) = (album.path / "thumbnails").rglob("*.webp")
    assert file.read_bytes() == made.content
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_deleted_or_damaged_thumbnail_is_made_again(album: Library) -> None:
    number = item_named(album, "upright.jpg").item_id
    made = album.web_thumbnail(number)
    assert made is not None
    (file,) = (album.path / "thumbnails").rglob("*.webp")
    file.write_bytes(made.content[:-10])
    assert album.web_thumbnail(number) == made
    shutil.rmtree(album.path / "thumbnails")
    assert album.web_thumbnail(number) == made


def test_a_link_in_the_folder_of_thumbnails_is_not_followed(album: Library, tmp_path: Path) -> None:
    number = item_named(album, "upright.jpg").item_id
    made = album.web_thumbnail(number)
    assert made is not None
    (file,) = (album.path / "thumbnails").rglob("*.webp")
    other = tmp_path / "other.webp"
    Image.new("RGB", (9, 9)).save(other)
    before = other.read_bytes()
    file.unlink()
    file.symlink_to(other)
    assert album.web_thumbnail(number) == made
    assert other.read_bytes() == before


def test_a_changed_photo_has_another_tag_and_thumbnail(album: Library) -> None:
    item = item_named(album, "upright.jpg")
    old = album.web_thumbnail(item.item_id)
    assert old is not None
    assert album.web_thumbnail(item.item_id, unless=old.tag) == WebThumbnail(old.tag, b"")
    Image.new("RGB", (600, 400), "red").save(item.path)  # and nobody has synced it yet
    new = album.web_thumbnail(item.item_id, unless=old.tag)
    assert new is not None
    assert new.tag != old.tag
    assert picture_of(new).size == (480, 320)


def test_what_has_no_picture_has_no_thumbnail(album: Library) -> None:
    with pytest.raises(PictureError, match="it is a text, which has no picture"):
        album.web_thumbnail(item_named(album, "note.txt").item_id)
    assert album.web_thumbnail(10**6) is None
    with pytest.raises(QueryError, match="there is no thumbnail size 'huge'"):
        album.web_thumbnail(1, size="huge")  # type: ignore[arg-type]


def test_a_photo_that_is_gone_or_no_picture_any_more_says_so(album: Library) -> None:
    item = item_named(album, "small.png")
    item.path.write_bytes(b"not a picture at all")
    with pytest.raises(PictureError, match="not"):
        album.web_thumbnail(item.item_id)
    item.path.unlink()
    with pytest.raises(PictureError, match="the file does not exist"):
        album.web_thumbnail(item.item_id)


@pytest.mark.folder  # a library in PostgreSQL always has them in the cache
def test_a_library_that_is_only_read_has_its_thumbnails_in_the_cache(album: Library, tmp_path: Path) -> None:
    number = item_named(album, "small.png").item_id
    with Library.open(album.path, read_only=True, cache=tmp_path / "cache") as reader:
        picture_of(reader.web_thumbnail(number))
    assert not (album.path / "thumbnails").exists()
    assert len(list((tmp_path / "cache" / "thumbnails").rglob("*.webp"))) == 1


def test_thumbnails_of_many_threads_are_whole(album: Library) -> None:
    number = item_named(album, "wide.jpg").item_id
    with ThreadPoolExecutor(8) as pool:
        contents = {found.content for found in pool.map(album.web_thumbnail, [number] * 16) if found}
    assert len(contents) == 1
    assert not list((album.path / "thumbnails").rglob("*.part"))


def test_the_oldest_thumbnails_are_deleted_when_there_are_too_many(tmp_path: Path) -> None:
    content = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(content, "WEBP")
    webp = content.getvalue()
    files = ThumbnailFiles(tmp_path / "thumbnails", max_bytes=5 * len(webp))
    tags = [f"{number:02x}tag" for number in range(5)]
    for age, tag in enumerate(tags):
        files.write(tag, webp)
        path = tmp_path / "thumbnails" / tag[:2] / f"{tag}.webp"
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 10_000 * (10 - age)))
    assert files.read(tags[0]) == webp  # now the second one is the oldest
    files.write("ffnew", webp)
    assert [files.read(tag) is not None for tag in (*tags, "ffnew")] == [True, False, False, True, True, True]


def test_a_thumbnail_that_cannot_be_written_is_shown(album: Library) -> None:
    (album.path / "thumbnails").write_text("a file where the folder should be")
    assert picture_of(album.web_thumbnail(item_named(album, "small.png").item_id)).size == (16, 12)
    assert thumbnail_files(album._store).read("00none") is None


def test_the_original_of_a_photo_is_its_file(album: Library) -> None:
    item = item_named(album, "upright.jpg")
    found = album.original(item.item_id)
    assert found is not None
    assert (found.name, found.format, found.path, found.content) == ("upright.jpg", "JPEG", item.path, None)
    assert album.original(10**6) is None


def refusal(library: Library, item: Item) -> FailureKind:
    """Return why there is no original."""
    with pytest.raises(PictureError) as raised:
        library.original(item.item_id)
    return raised.value.kind


def test_no_original_is_reached_by_a_link_out_of_its_source(album: Library, tmp_path: Path) -> None:
    item = item_named(album, "small.png")
    secret = tmp_path / "secret.png"
    item.path.rename(secret)
    item.path.symlink_to(secret)
    assert refusal(album, item) is FailureKind.OUTSIDE
    item.path.unlink()
    item.path.symlink_to(item.path.parent / "wide.jpg")  # inside: it would be found without the link, too
    inside = album.original(item.item_id)
    assert inside is not None
    assert inside.path == item.path.parent / "wide.jpg"


def test_a_folder_that_became_a_link_out_gives_no_original(library: Library, tmp_path: Path) -> None:
    paint(tmp_path / "photos" / "trip" / "red.png", "red")
    library.sync(tmp_path / "photos")
    (tmp_path / "photos" / "trip").rename(tmp_path / "elsewhere")
    (tmp_path / "photos" / "trip").symlink_to(tmp_path / "elsewhere")
    assert refusal(library, item_named(library, "red.png")) is FailureKind.OUTSIDE


def test_a_source_may_be_reached_over_a_link(library: Library, tmp_path: Path) -> None:
    paint(tmp_path / "photos" / "red.png", "red")
    library.sync(tmp_path / "photos")
    (tmp_path / "photos").rename(tmp_path / "disk")
    (tmp_path / "photos").symlink_to(tmp_path / "disk")
    found = library.original(item_named(library, "red.png").item_id)
    assert found is not None
    assert found.path == tmp_path / "disk" / "red.png"


def test_a_source_that_is_one_file_may_not_become_a_link(library: Library, tmp_path: Path) -> None:
    photo = tmp_path / "photos" / "red.png"
    paint(photo, "red")
    library.sync(photo)
    item = item_named(library, "red.png")
    assert library.original(item.item_id) is not None
    photo.rename(tmp_path / "photos" / "secret.png")
    photo.symlink_to(tmp_path / "photos" / "secret.png")
    assert refusal(library, item) is FailureKind.OUTSIDE


def test_an_original_that_is_gone_says_what_to_do(album: Library) -> None:
    item = item_named(album, "small.png")
    item.path.unlink()
    with pytest.raises(PictureError, match="connect its disk, or index again if it was moved"):
        album.original(item.item_id)
    item.path.mkdir()
    with pytest.raises(PictureError, match="it is not a file any more"):
        album.original(item.item_id)


def test_the_original_of_a_row_is_its_picture(library: Library, tmp_path: Path) -> None:
    paint(tmp_path / "shop" / "pictures" / "red.png", "red")
    table = tmp_path / "shop" / "items.csv"
    table.write_text("id,text,picture\n1,lime,pictures/red.png\n2,blue,\n")
    library.sync(table, text_columns=["text"], image_column="picture", id_column="id")
    with_picture, without = library.list()
    found = library.original(with_picture.item_id)
    assert found is not None
    assert found.path == tmp_path / "shop" / "pictures" / "red.png"
    assert refusal(library, without) is FailureKind.NOT_A_PICTURE
    assert picture_of(library.web_thumbnail(with_picture.item_id)).size == (16, 12)


def test_the_original_of_an_added_item_is_what_the_library_stores(library: Library, tmp_path: Path) -> None:
    paint(tmp_path / "red.png", "red")
    content = (tmp_path / "red.png").read_bytes()
    library.add(images=[content], ids=["all"], keep="original")
    library.add(images=[content], ids=["small"], keep="preview")
    library.add(images=[tmp_path / "red.png"], ids=["file"], keep="nothing")
    whole, small, file = library.get(["all", "small", "file"])
    found = library.original(whole.item_id)
    assert found is not None
    assert (found.name, found.path, found.content) == ("all", None, content)
    assert refusal(library, small) is FailureKind.NOT_A_PICTURE  # of which only a preview is stored
    assert refusal(library, file) is FailureKind.NOT_A_PICTURE  # it is in no folder that was indexed
    for item in (whole, small, file):
        assert picture_of(library.web_thumbnail(item.item_id)).size == (16, 12)
