"""The viewer: details, explanations, similar photos, zoom, and photos that are gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from retrieval import Library
from tests.browser.gallery_page import GalleryPage
from tests.support.album import make_album
from tests.support.serving import Running

Open = Callable[..., GalleryPage]


def test_details_are_shown_and_lead_to_filters(gallery: Running, open_gallery: Open, album: Path) -> None:
    opened = open_gallery(gallery)
    opened.page.click(opened.tile("chelsea.jpg"))
    opened.page.keyboard.press("i")
    details = opened.page.locator(".viewer .details")
    for text in ("4 May 2019, 10:12", "Canon EOS R6", "5 stars", "300 pixels", str(album / "chelsea.jpg")):
        expect(details).to_contain_text(text)
    opened.page.click(".viewer >> text=Copy path")
    expect(opened.page.locator(".viewer .messages")).to_contain_text("The path was copied")
    assert opened.page.evaluate("navigator.clipboard.readText()") == str(album / "chelsea.jpg")
    opened.page.click(".details >> text=pet")
    expect(opened.page.locator("h1")).to_contain_text("1 photo")
    opened.page.click(opened.tile("chelsea.jpg"))
    opened.page.click(".viewer >> text=Show its folder")
    expect(opened.page.locator("h1")).to_contain_text("14 photos")


def test_an_explanation_has_words_and_a_heat_map_over_the_photo(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery, "#/photos?q=a+cup+of+coffee")
    opened.page.click(opened.tile("coffee.jpg"))
    opened.page.keyboard.press("i")
    opened.page.click("text=Explain")
    expect(opened.page.locator(".why")).to_contain_text("It matches with a probability of")
    expect(opened.page.locator(".bars")).to_contain_text("coffee")
    opened.page.click("text=Show where")
    heat = opened.page.locator(".stage-heat")
    expect(heat).to_be_visible()
    assert heat.evaluate("image => image.complete && image.naturalWidth > 0")
    opened.page.click("text=Show where")
    expect(heat).to_have_count(0)


def test_more_like_this_searches_with_the_photo(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery)
    opened.page.click(opened.tile("coffee.jpg"))
    opened.page.click(".viewer-tools [aria-label='More like this']")
    expect(opened.page.locator(".chip.part")).to_contain_text("Photo")
    assert set(opened.names()[:2]) <= {"coffee.jpg", "coffee-small.jpg"}


def test_zooming_in_loads_the_original(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery)
    opened.page.click(opened.tile("rocket.jpg"))
    with opened.page.expect_response("**/original") as response:
        opened.page.dblclick(".stage")
    assert response.value.status == 200
    expect(opened.page.locator(".stage .sharp")).to_be_visible()


def test_a_text_can_be_read(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery, "#/photos?kind=texts")
    opened.page.click(opened.tile("packing.txt"))
    expect(opened.page.locator(".viewer-title")).to_have_text("packing.txt")


def test_a_photo_that_is_gone_and_one_that_never_was_are_said_to_be(
    start: Callable[..., Running], open_gallery: Open, tmp_path: Path
) -> None:
    folder = tmp_path / "album"
    make_album(folder)
    with Library.open(tmp_path / "photos.recall", encoder="compact") as library:
        library.sync(folder)
    shutil.rmtree(folder)
    opened = open_gallery(start(tmp_path / "photos.recall"))
    expect(opened.page.locator(".tile.missing").first).to_contain_text("The picture cannot be read")
    opened.page.click(".tile.missing")
    expect(opened.page.locator(".viewer .state")).to_contain_text("Update the library")
    opened.page.keyboard.press("Escape")
    opened.page.goto(opened.page.url.partition("#")[0] + "#/photos?item=99999")
    expect(opened.page.locator(".viewer .state")).to_contain_text("99999")
