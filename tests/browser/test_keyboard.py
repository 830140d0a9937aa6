"""The gallery without a mouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.gallery_page import GalleryPage
from tests.support.serving import Running

Open = Callable[..., GalleryPage]


def test_the_keyboard_alone_searches_opens_judges_and_closes(
    start: Callable[..., Running], library_copy: Path, open_gallery: Open
) -> None:
    opened = open_gallery(start(library_copy))
    keys = opened.page.keyboard
    expect(opened.page.locator(".tile").first).to_be_visible()
    keys.press("/")
    keys.type("a cup of coffee")
    keys.press("Enter")
    expect(opened.page.locator("h1")).to_contain_text("for “a cup of coffee”")
    names = opened.names()
    keys.press("Escape")  # leaves the box
    keys.press("ArrowDown")  # goes to the first photo
    assert opened.focused().startswith(names[0])
    keys.press("ArrowRight")
    assert opened.focused().startswith(names[1])
    keys.press("ArrowLeft")
    keys.press("+")
    expect(opened.page.locator(".tile.good")).to_have_count(1)
    keys.press("j")
    assert opened.focused().startswith(names[1])
    keys.press("Enter")
    expect(opened.page.locator(".viewer-title")).to_have_text(names[1])
    keys.press("-")
    expect(opened.page.locator(".viewer [data-verdict=bad]")).to_have_attribute("aria-pressed", "true")
    keys.press("ArrowLeft")
    expect(opened.page.locator(".viewer-title")).to_have_text(names[0])
    keys.press("Escape")
    expect(opened.page.locator(".viewer")).to_be_hidden()
    assert opened.focused().startswith(names[0])


def test_question_mark_lists_the_keys_which_can_be_switched_off(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery)
    expect(opened.page.locator(".tile").first).to_be_visible()
    opened.page.keyboard.press("?")
    expect(opened.page.locator("dialog[open] .keys tr")).to_have_count(10)
    opened.page.get_by_label("Single keys act").uncheck()
    opened.page.keyboard.press("Escape")
    opened.page.keyboard.press("/")
    assert opened.page.evaluate("document.activeElement.id") != "search"


def test_tab_reaches_the_photos_in_one_stop_and_zooming_moves_with_arrows(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery)
    expect(opened.page.locator(".tile").first).to_be_visible()
    assert opened.page.locator(".tile-link[tabindex='0']").count() == 1
    opened.page.keyboard.press("Tab")
    assert opened.focused() == "Skip to the photos"
    opened.page.keyboard.press("Enter")
    opened.page.keyboard.press("ArrowRight")  # past the text
    opened.page.keyboard.press("Enter")
    expect(opened.page.locator(".viewer-title")).to_have_text("page.jpg")
    opened.page.keyboard.press("z")
    expect(opened.page.locator(".stage")).to_have_class("stage zoomed")
    place = "document.querySelector('.stage-picture').style.transform"
    before = opened.page.evaluate(place)
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.evaluate(place) != before
    expect(opened.page.locator(".viewer-title")).to_have_text("page.jpg")


def test_the_map_is_moved_zoomed_and_opened_by_keys(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery, "#/map")
    expect(opened.page.locator(".marker").first).to_be_visible()
    opened.page.focus(".map")
    places = "[...document.querySelectorAll('.marker')].map((marker) => marker.style.transform).join()"
    for key in ("+", "ArrowLeft", "-"):
        before = str(opened.page.evaluate(places))
        opened.page.keyboard.press(key)
        opened.wait_until_changed(places, before)
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.press("Enter")
    expect(opened.page.locator(".summary .chips")).to_contain_text("km around")
