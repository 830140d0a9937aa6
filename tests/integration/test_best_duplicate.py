"""Which photo of a group of duplicates is the best: the one that has what the others lack."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from retrieval import Library
from tests.support.documents import certificate
from tests.support.duplicates import jpeg, open_picture, scale
from tests.support.pictures import cat, dng, encoded, exif_block

EXIF = exif_block(taken_at=datetime.fromisoformat("2024-05-01T12:00"), camera=("Canon", "Canon EOS R5"))


def best(library: Library, folder: Path) -> str:
    """Return the name of the best photo of the only group."""
    library.sync(folder)
    (group,) = library.duplicates().groups
    return group.best.path.name


def test_of_equal_pixels_the_file_with_metadata_is_best_whatever_its_size(library: Library, folder: Path) -> None:
    (folder / "camera.jpg").write_bytes(encoded(cat(), "JPEG", quality=70, exif=EXIF))
    (folder / "large.jpg").write_bytes(jpeg(cat(), 98))
    assert best(library, folder) == "camera.jpg"


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", "png"), ("TIFF", "tif"), ("BMP", "bmp")])
def test_a_lossless_copy_of_a_lossy_file_is_not_better(library: Library, folder: Path, kind: str, suffix: str) -> None:
    original = jpeg(cat(), 80)
    (folder / "original with a long name.jpg").write_bytes(original)
    (folder / f"copy.{suffix}").write_bytes(encoded(open_picture(original), kind))
    assert best(library, folder) == "original with a long name.jpg"


def test_a_lossless_original_is_better_than_its_lossy_copy(library: Library, folder: Path) -> None:
    cat().save(folder / "original.png")
    (folder / "copy.jpg").write_bytes(jpeg(cat(), 90))
    assert best(library, folder) == "original.png"


def test_a_lossless_original_is_better_than_a_lossy_copy_with_more_bytes(library: Library, folder: Path) -> None:
    certificate("Anna Berg").save(folder / "original.png")
    (folder / "copy.jpg").write_bytes(jpeg(certificate("Anna Berg"), 40))
    assert (folder / "copy.jpg").stat().st_size > (folder / "original.png").stat().st_size
    assert best(library, folder) == "original.png"


@pytest.mark.parametrize(
    "filter_", [Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS]
)
@pytest.mark.parametrize("exif", [EXIF, b""])
def test_an_enlarged_copy_is_not_better_than_the_original(
    library: Library, folder: Path, filter_: Image.Resampling, exif: bytes
) -> None:
    (folder / "camera.jpg").write_bytes(encoded(cat(), "JPEG", quality=85, exif=exif))
    with Image.open(folder / "camera.jpg") as original:
        enlarged = original.resize((original.width * 2, original.height * 2), filter_)
    (folder / "large.jpg").write_bytes(jpeg(enlarged, 90))
    assert best(library, folder) == "camera.jpg"


def test_an_enlarged_part_is_not_better_than_the_whole(library: Library, folder: Path) -> None:
    (folder / "camera.jpg").write_bytes(encoded(cat(), "JPEG", quality=85, exif=EXIF))
    part = cat().crop((40, 20, 400, 260))
    (folder / "part.jpg").write_bytes(jpeg(part.resize((1080, 720), Image.Resampling.BICUBIC)))
    assert best(library, folder) == "camera.jpg"


def test_a_reduced_copy_with_metadata_is_not_better_than_a_sharp_original(library: Library, folder: Path) -> None:
    (folder / "large.jpg").write_bytes(jpeg(cat(), 90))
    (folder / "small.jpg").write_bytes(encoded(scale(cat(), 0.5), "JPEG", quality=90, exif=EXIF))
    assert best(library, folder) == "large.jpg"


def test_a_raw_file_and_the_jpeg_of_the_same_shot_are_not_duplicates(library: Library, folder: Path) -> None:
    (folder / "DSC_2.dng").write_bytes(dng(cat()))
    (folder / "DSC_2.jpg").write_bytes(jpeg(cat(), 95))
    library.sync(folder)
    assert library.duplicates().groups == ()


def test_a_copy_of_the_jpeg_is_found_beside_the_raw_file(library: Library, folder: Path) -> None:
    (folder / "DSC_2.dng").write_bytes(dng(cat()))
    (folder / "DSC_2.jpg").write_bytes(jpeg(cat(), 95))
    (folder / "small.jpg").write_bytes(jpeg(scale(cat(), 0.5)))
    assert best(library, folder) == "DSC_2.jpg"
