"""Every page and state: axe finds nothing, in light and dark, at a desk's and at a phone's width."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW, WIDE
from tests.browser.gallery_page import GalleryPage
from tests.support.serving import Running

Open = Callable[..., GalleryPage]


def explain(page: Page) -> None:
    page.keyboard.press("i")
    page.click("text=Explain")
    page.click("text=Show where")
    expect(page.locator(".stage-heat")).to_be_visible()


def show_unlikely(page: Page) -> None:
    page.click("text=Show less likely ones")
    expect(page.locator(".line")).to_contain_text("What follows")


def press_question_mark(page: Page) -> None:
    page.keyboard.press("?")


def open_filters(page: Page) -> None:
    filters = page.locator(".summary [aria-label=Filters]")
    if filters.is_visible():
        filters.click()
    page.click("summary:has-text('Dates')")


STATES: dict[str, tuple[str, str, Callable[[Page], None] | None]] = {
    # name: address, what shows that it is there, what is done then
    "photos": ("#/photos", ".tile-link[title]", None),
    "filters": ("#/photos?tag=space", ".tile-link[title]", open_filters),
    "results": ("#/photos?q=a+cat", ".line", None),
    "unlikely": ("#/photos?q=a+cat", ".line", show_unlikely),
    "understood": ("#/photos?q=space+2020&part=t:-0.5:snow&tag=space", ".summary .chip", None),
    "nothing": ("#/photos?q=a+submarine", ".state", None),
    "filtered-out": ("#/photos?q=&tag=nothing", ".state", None),
    "error": ("#/photos?after=soon", ".state", None),
    "empty": ("#/photos?library=empty", ".state", None),
    "viewer": ("#/photos?q=a+cat&item=1", ".viewer-title:not(:empty)", None),
    "why": ("#/photos?q=a+cat&item=1", ".viewer-title:not(:empty)", explain),
    "gone": ("#/photos?item=99999", ".viewer .state", None),
    "map": ("#/map", ".marker", None),
    "map-empty": ("#/map?library=empty", ".map-places .state", None),
    "learning": ("#/learning", ".word, #versions", None),
    "duplicates": ("#/duplicates", "main h1", None),
    "indexing": ("#/indexing", ".table", None),
    "keys": ("#/photos", ".tile-link[title]", press_question_mark),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing(gallery: Running, open_gallery: Open, size: dict[str, int], scheme: str) -> None:
    faults = {}
    for name, (address, there, act) in STATES.items():
        opened = open_gallery(gallery, address, viewport=size, color_scheme=scheme, reduced_motion="reduce")
        expect(opened.page.locator(there).first).to_be_visible()
        if act:
            act(opened.page)
        opened.shoot(f"{name}-{size['width']}-{scheme}")
        faults[name] = opened.faults()
        opened.page.context.close()
    assert {name: found for name, found in faults.items() if found} == {}
