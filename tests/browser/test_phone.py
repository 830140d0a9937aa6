"""A phone: its width, and fingers."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import NARROW
from tests.browser.gallery_page import GalleryPage
from tests.support.serving import Running

Open = Callable[..., GalleryPage]
PHONE = {"viewport": NARROW, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


def test_filters_are_a_sheet(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery, **PHONE)
    opened.page.tap(".summary [aria-label=Filters]")
    opened.page.tap("dialog.sheet .facet:has-text('space')")
    opened.page.tap("dialog.sheet [aria-label=Close]")
    expect(opened.page.locator("h1")).to_contain_text("4 photos")
    expect(opened.page.locator("dialog.sheet")).to_have_count(0)


def test_a_photo_is_opened_turned_and_closed_by_fingers(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery, **PHONE)
    names = opened.names()
    opened.page.tap(opened.tile(names[0]))
    expect(opened.page.locator(".viewer-title")).to_have_text(names[0])
    session = opened.page.context.new_cdp_session(opened.page)
    for kind, x in (("touchStart", 320), ("touchMove", 200), ("touchMove", 80), ("touchEnd", None)):
        points = [] if x is None else [{"x": x, "y": 400}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(opened.page.locator(".viewer-title")).to_have_text(names[1])
    opened.page.click(".viewer-bar [aria-label=Close]")
    expect(opened.page.locator(".viewer")).to_be_hidden()


def test_every_target_is_at_least_24_pixels_large(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery, "#/photos?q=a+cat&part=t:0.5:pet&tag=pet", **PHONE)
    expect(opened.page.locator(".tile").first).to_be_visible()
    sizes = opened.page.eval_on_selector_all(
        "button, select, a, input",
        "all => all.filter(each => each.checkVisibility()).map(each => each.getBoundingClientRect())"
        ".filter(box => box.width > 0 && box.top >= 0).map(box => Math.min(box.width, box.height))",
    )
    assert min(sizes) >= 24  # WCAG 2.2, 2.5.8
