"""Searching in the gallery: by words, by pictures, by both, with filters, and Back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.gallery_page import GalleryPage
from tests.support.serving import Running

Open = Callable[..., GalleryPage]


def test_words_find_photos_and_a_line_says_how_many_are_expected(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery)
    opened.search("a cup of coffee")
    assert opened.names()[0] in {"coffee.jpg", "coffee-small.jpg"}
    expect(opened.page.locator(".line")).to_contain_text("of your photos match")


def test_unlikely_results_follow_the_line_only_when_asked_for(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery, "#/photos?q=a+cat")
    before = opened.names()
    opened.page.click("text=Show less likely ones")
    expect(opened.page.locator(".line")).to_contain_text("What follows is less likely")
    after = opened.names()
    assert after[: len(before)] == before
    assert len(after) == 15  # 14 photos and a text
    assert opened.focused().partition(",")[0] == after[len(before)]


def test_nothing_likely_is_said_with_a_way_on(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery)
    opened.search("a submarine")
    expect(opened.page.locator(".state")).to_contain_text("No photo matches")
    opened.page.click("text=Show all photos")
    expect(opened.page.locator("h1")).to_contain_text("14 photos")


def test_a_dropped_picture_finds_itself_and_can_be_mixed_with_words(
    gallery: Running, open_gallery: Open, album: Path
) -> None:
    opened = open_gallery(gallery, "#/photos?q=a+cat")
    opened.drop(album / "rocket.jpg")
    expect(opened.page.locator(".chip.part")).to_contain_text("Your picture")
    expect(opened.page.locator(".tile-link").first).to_have_attribute("aria-label", "rocket.jpg, 1 March 2020, 10:12")
    opened.page.fill("#search", "a cup of coffee")
    opened.page.click("[aria-label^='Add these words']")
    expect(opened.page.locator(".chip.part")).to_have_count(2)
    assert {"rocket.jpg", "coffee.jpg"} <= set(opened.names())
    opened.page.click("[aria-label*='“Your picture” is added']")
    expect(opened.page.locator(".chip.taken")).to_contain_text("Your picture")
    assert "rocket.jpg" not in opened.names()[:3]


def test_a_file_that_is_no_picture_is_refused_with_a_sentence(
    gallery: Running, open_gallery: Open, tmp_path: Path
) -> None:
    file = tmp_path / "notes.jpg"
    file.write_text("not a picture")
    opened = open_gallery(gallery)
    opened.drop(file)
    expect(opened.page.locator(".message.error")).to_be_visible()
    assert opened.names()[0] == "packing.txt"  # the list stays


def test_what_was_understood_is_a_chip_and_can_be_taken_as_words(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery)
    opened.search("space 2020")
    assert set(opened.names()) <= {"rocket.jpg", "astronaut.jpg", "camera.jpg"}
    opened.page.click("[aria-label*='was understood']")
    expect(opened.page.locator(".summary .chips")).to_contain_text("Words are searched for as they are")
    assert "literal=1" in opened.page.url


def test_filters_have_counts_and_narrow_the_list(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery)
    expect(opened.page.locator(".facet", has_text="4 stars or more")).to_contain_text("5")  # three of them have five
    space = opened.page.locator(".facet", has_text="space")
    expect(space).to_contain_text("4")
    space.click()
    expect(opened.page.locator("h1")).to_contain_text("4 photos")
    assert set(opened.names()) == {"rocket.jpg", "astronaut.jpg", "moon.jpg", "hubble_deep_field.jpg"}
    opened.page.click("[aria-label='Remove the filter “Tag: space”']")
    expect(opened.page.locator("h1")).to_contain_text("14 photos")


@pytest.mark.parametrize(("query", "filters"), [("", "tag=space&camera=NIKON"), ("a+rocket", "tag=space")])
def test_a_sent_address_shows_the_same(gallery: Running, open_gallery: Open, query: str, filters: str) -> None:
    address = f"#/photos?q={query}&{filters}" if query else f"#/photos?{filters}"
    opened = open_gallery(gallery, address)
    shown = opened.names()
    assert "rocket.jpg" in shown
    assert open_gallery(gallery, opened.page.url[opened.page.url.index("#") :]).names() == shown


def test_back_and_forward_go_through_searches_and_photos(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery)
    expect(opened.page.locator("h1")).to_contain_text("14 photos")
    opened.search("a cat")
    opened.page.click(opened.tile("chelsea.jpg"))
    expect(opened.page.locator(".viewer-title")).to_have_text("chelsea.jpg")
    opened.page.go_back()
    expect(opened.page.locator(".viewer")).to_be_hidden()
    expect(opened.page.locator("h1")).to_contain_text("for “a cat”")
    opened.page.go_back()
    expect(opened.page.locator("h1")).to_contain_text("14 photos")
    assert opened.page.input_value("#search") == ""
    opened.page.go_forward()
    expect(opened.page.locator("h1")).to_contain_text("for “a cat”")


def test_the_timeline_jumps_in_the_list_and_filters_results(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery, viewport={"width": 700, "height": 400})
    opened.page.set_viewport_size({"width": 1000, "height": 300})
    opened.page.click(".year:has-text('2019')")
    expect(opened.page.locator(opened.tile("chelsea.jpg"))).to_be_in_viewport()
    opened.search("a photo of something")
    opened.page.click(".year:has-text('2020')")
    expect(opened.page.locator(".summary .chips")).to_contain_text("2020")
