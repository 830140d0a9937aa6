"""Which file of a folder is a photo's sidecar: names in other capitals, of photo programs, and of Google Takeout."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from retrieval import Library
from tests.support.blocks import xmp_block
from tests.support.color_photos import advance_mtime, paint
from tests.support.contents import rows
from tests.support.sync_results import counts
from tests.support.walks import walked_sidecars


def ratings(library: Library) -> dict[str, int | None]:
    """Return the rating of each photo, by the last part of its path."""
    photos = rows(library, "SELECT path, rating FROM items")
    return {Path(path.decode()).name: rating for path, rating in photos}


def rate(sidecar: Path, rating: int) -> Path:
    """Write a sidecar with a rating."""
    sidecar.write_bytes(xmp_block(xmp__Rating=str(rating)))
    return sidecar


@pytest.mark.parametrize(
    ("photo", "sidecar"),
    [
        ("a.PNG", "a.png.xmp"),
        ("A.PNG", "a.xmp"),
        ("a.png", "A.XMP"),
        ("a.PNG", "A.png.Xmp"),
        ("a.png", "a_01.png.xmp"),  # darktable's second version, whose first has no file
        (unicodedata.normalize("NFD", "é.png"), unicodedata.normalize("NFC", "É.xmp")),
    ],
)
def test_a_sidecar_may_differ_from_the_photo_in_capitals(
    library: Library, folder: Path, photo: str, sidecar: str
) -> None:
    paint(folder / photo, "red")
    rate(folder / sidecar, 4)
    library.sync(folder)
    assert ratings(library) == {photo: 4}
    assert counts(library.sync(folder)) == {"unchanged": 1}


def test_a_sidecar_with_exactly_the_name_counts_before_others(library: Library, folder: Path) -> None:
    paint(folder / "a.PNG", "red")
    for rating, name in enumerate(["a_02.PNG.xmp", "a_01.PNG.xmp", "a.png.xmp", "a.xmp", "a.PNG.xmp"], start=1):
        rate(folder / name, rating)
    library.sync(folder)
    for rating, name in ((5, "a.PNG.xmp"), (4, "a.xmp"), (3, "a.png.xmp"), (2, "a_01.PNG.xmp"), (1, "a_02.PNG.xmp")):
        assert ratings(library) == {"a.PNG": rating}
        (folder / name).unlink()
        assert counts(library.sync(folder)) == {"changed": 1}
    assert ratings(library) == {"a.PNG": None}


def test_the_sidecar_of_a_photo_is_not_that_of_another_in_other_capitals(tmp_path: Path) -> None:
    for name in ("a.png", "A.png", "b.png", "b_01.png"):
        paint(tmp_path / name, "red")
    for name in ("a.xmp", "b_01.png.xmp", "c.xmp"):
        rate(tmp_path / name, 3)
    assert walked_sidecars(tmp_path) == {"a.png": ["a.xmp"], "b_01.png": ["b_01.png.xmp"]}


def test_a_photo_that_is_a_source_has_a_sidecar_in_other_capitals(library: Library, folder: Path) -> None:
    photo = paint(folder / "a.PNG", "red")
    rate(folder / "A.xmp", 2)
    library.sync(photo)
    assert ratings(library) == {"a.PNG": 2}
    assert counts(library.sync(photo)) == {"unchanged": 1}


TAKEN = {"photoTakenTime": {"timestamp": "1325376000"}, "people": [{"name": "Ada Lovelace"}]}


def write_takeout(path: Path, **fields: object) -> Path:
    """Write a file of Takeout with a date and a person."""
    path.write_text(json.dumps(TAKEN | fields), encoding="utf-8")
    return path


def dates(library: Library) -> dict[str, tuple[str, str]]:
    """Return the day and the origin of each photo's date, by the photo's name."""
    photos = rows(library, "SELECT name, taken_at, taken_from FROM items")
    return {name: (taken_at[:10], origin) for name, taken_at, origin in photos}


@pytest.mark.parametrize(
    "name", ["a.png.supplemental-metadata.json", "a.png.supplemental-meta.json", "a.png.suppl.json", "a.png.json"]
)
def test_a_photo_has_the_metadata_of_its_takeout_file(library: Library, folder: Path, name: str) -> None:
    paint(folder / "a.png", "red")
    write_takeout(folder / name, description="A boat", geoData={"latitude": 48.8566, "longitude": 2.3522})
    library.sync(folder)
    assert dates(library) == {"a.png": ("2012-01-01", "takeout")}
    row = rows(library, "SELECT utc_offset, latitude, longitude, description FROM items")
    assert row == [(0, 48.8566, 2.3522, "A boat")]
    assert rows(library, "SELECT person FROM people") == [("Ada Lovelace",)]
    assert counts(library.sync(folder)) == {"unchanged": 1}


def test_a_new_changed_or_deleted_takeout_file_is_noticed(library: Library, folder: Path) -> None:
    photo = paint(folder / "a.png", "red")
    sidecar = rate(folder / "a.xmp", 4)
    library.sync(folder)
    takeout = write_takeout(folder / "a.png.json", description="one")
    assert counts(library.sync(folder)) == {"changed": 1}
    write_takeout(takeout, description="two")
    advance_mtime(takeout)
    assert counts(library.sync(folder)) == {"changed": 1}
    assert rows(library, "SELECT rating, description FROM items") == [(4, "two")]
    rate(sidecar, 5)
    assert counts(library.sync(folder)) == {"changed": 1}
    assert counts(library.sync(folder)) == {"unchanged": 1}
    takeout.unlink()
    assert counts(library.sync(folder)) == {"changed": 1}
    assert rows(library, "SELECT rating, description FROM items") == [(5, None)]
    assert photo.exists()


def test_an_xmp_sidecar_counts_more_than_takeout(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    (folder / "a.xmp").write_bytes(xmp_block(exif__DateTimeOriginal="2010-03-04T05:06:07", description="of XMP"))
    write_takeout(folder / "a.png.json", description="of Takeout", geoData={"latitude": 1.5, "longitude": 2.5})
    library.sync(folder)
    assert dates(library) == {"a.png": ("2010-03-04", "xmp")}
    assert rows(library, "SELECT description, latitude FROM items") == [("of XMP", 1.5)]


def test_of_photos_with_one_name_each_has_its_own_takeout_file(tmp_path: Path) -> None:
    for name in ("a.png", "a(1).png", "a-edited.png", "a(1)-edited.png", "b.png"):
        paint(tmp_path / name, "red")
    for name in ("a.png.supplemental-metadata.json", "a.png.supplemental-metadata(1).json", "metadata.json"):
        write_takeout(tmp_path / name)
    first, second = ["a.png.supplemental-metadata.json"], ["a.png.supplemental-metadata(1).json"]
    assert walked_sidecars(tmp_path) == {"a.png": first, "a-edited.png": first, "a(1).png": second}


def test_json_of_other_programs_changes_nothing(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    (folder / "annotations.json").write_text('{"description": "all"}')
    (folder / "a.json").write_text('{"description": "of another program"}')
    (folder / "b.json").mkdir()
    library.sync(folder)
    assert rows(library, "SELECT description, taken_from FROM items") == [(None, "file")]


def test_a_date_in_the_name_counts_before_the_time_of_the_file(library: Library, folder: Path) -> None:
    for name in ("IMG-20190501-WA0001.png", "20190230_x.png", "x.png"):
        paint(folder / name, "red")
    (folder / "20190501 notes.txt").write_text("A text has the time of its file.")
    library.sync(folder)
    origins = {name: origin for name, (_, origin) in dates(library).items()}
    assert origins == {
        "img-20190501-wa0001.png": "name",
        "20190230_x.png": "file",
        "x.png": "file",
        "20190501 notes.txt": "file",
    }
    assert dates(library)["img-20190501-wa0001.png"] == ("2019-05-01", "name")


def test_a_date_in_the_name_follows_the_name(library: Library, folder: Path) -> None:
    photo = paint(folder / "x.png", "red")
    library.sync(folder)
    photo = photo.rename(folder / "IMG_20190501_123456.png")
    assert counts(library.sync(folder)) == {"moved": 1}
    assert dates(library) == {"img_20190501_123456.png": ("2019-05-01", "name")}
    (folder / "IMG_20180501_123456.png").write_bytes(photo.read_bytes())  # a copy has the date of its own name
    library.sync(folder)
    assert dates(library)["img_20180501_123456.png"] == ("2018-05-01", "name")
    photo.rename(folder / "y.png")
    library.sync(folder)
    assert dates(library)["y.png"][1] == "file"
