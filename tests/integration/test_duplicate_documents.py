"""Documents that share a form, in `recall duplicates`: different ones stay apart, copies are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval import Library
from tests.support.documents import PAIRS, certificate, invoice
from tests.support.duplicates import crop, jpeg, scale


def scan(page: Image.Image, seed: int) -> Image.Image:
    """Return a page with a scanner's noise, 5 grey levels."""
    noise = np.random.default_rng(seed).normal(0, 5, (page.height, page.width, 1))
    return Image.fromarray((np.asarray(page) + noise).clip(0, 255).astype(np.uint8))


def groups(library: Library, folder: Path) -> list[set[str]]:
    """Return the names of the duplicates in a folder, by group."""
    library.sync(folder)
    found = library.duplicates().groups
    return [{photo.path.stem for photo in (group.best, *group.others)} for group in found]


@pytest.mark.parametrize("kind", PAIRS)
def test_different_documents_that_share_a_form_are_not_duplicates(kind: str, library: Library, folder: Path) -> None:
    for number, make in enumerate(PAIRS[kind]):
        (folder / f"{number}.jpg").write_bytes(jpeg(make(), 85))
    assert groups(library, folder) == []


def test_noise_crops_and_low_quality_do_not_make_different_documents_duplicates(library: Library, folder: Path) -> None:
    pages = [invoice("2024-198"), invoice("2024-069")]
    for number, page in enumerate(pages):
        (folder / f"{number}-scan.jpg").write_bytes(jpeg(scan(page, number), 90))
    (folder / "1-poor.jpg").write_bytes(jpeg(pages[1], 30))
    (folder / "1-crop.jpg").write_bytes(jpeg(crop(pages[1], np.random.default_rng(0), 0.9)))
    assert all(len({name[0] for name in group}) == 1 for group in groups(library, folder))


def test_copies_of_a_document_are_duplicates(library: Library, folder: Path) -> None:
    page = certificate("Anna Berg")
    page.save(folder / "page.png")
    (folder / "poor.jpg").write_bytes(jpeg(page, 30))
    (folder / "half.jpg").write_bytes(jpeg(scale(page, 0.5)))
    (folder / "crop.jpg").write_bytes(jpeg(crop(page, np.random.default_rng(0), 0.9)))
    assert groups(library, folder) == [{"page", "poor", "half", "crop"}]


def test_a_cut_out_letterhead_does_not_make_its_two_letters_duplicates(library: Library, folder: Path) -> None:
    for number in ("2024-198", "2024-069"):
        invoice(number).save(folder / f"{number}.png")
    invoice("").crop((0, 0, 1240, 310)).save(folder / "letterhead.png")
    assert all(len(group - {"letterhead"}) == 1 for group in groups(library, folder))


def test_a_thumbnail_whose_text_cannot_be_read_is_not_a_duplicate(library: Library, folder: Path) -> None:
    invoice("2024-198").save(folder / "page.png")
    (folder / "thumbnail.jpg").write_bytes(jpeg(scale(invoice("2024-193"), 0.2)))
    assert groups(library, folder) == []
