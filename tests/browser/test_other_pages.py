"""The map, duplicates, indexing, several libraries, and what is said when something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Route, expect

from retrieval import Library
from tests.browser.gallery_page import GalleryPage
from tests.support.album import make_album
from tests.support.serving import Running

Open = Callable[..., GalleryPage]


def test_a_cluster_of_the_map_shows_its_photos(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery, "#/map")
    expect(opened.page.locator(".map-note")).to_have_text("7 photos with a position")
    expect(opened.page.locator(".marker")).to_have_count(3)
    opened.page.click(".marker:has-text('3')")
    expect(opened.page.locator("h1")).to_contain_text("3 photos")
    assert set(opened.names()) == {"camera.jpg", "motorcycle_left.jpg", "coins.jpg"}


def test_the_list_of_places_does_what_the_map_does(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery, "#/map")
    places = opened.page.locator(".map-places")
    expect(places).not_to_be_empty()
    if places.locator(".facet").count():
        places.locator(".facet").first.click()
        expect(opened.page.locator(".summary .chips")).to_contain_text("Place:")


def test_duplicates_are_side_by_side_and_their_paths_are_copied(
    start: Callable[..., Running], library_copy: Path, open_gallery: Open, album: Path
) -> None:
    opened = open_gallery(start(library_copy), "#/duplicates")
    opened.page.click("text=Find duplicates")
    group = opened.page.locator(".group")
    expect(group).to_have_count(1, timeout=60_000)
    expect(group.locator(".card.best")).to_contain_text("coffee.jpg")
    group.get_by_role("button", name="Copy the others").click()
    expect(opened.page.locator("body > .messages")).to_contain_text("1 path was copied")
    assert opened.page.evaluate("navigator.clipboard.readText()") == str(album / "coffee-small.jpg")
    assert (album / "coffee-small.jpg").exists()


def test_an_update_shows_its_progress_its_report_and_the_failures(
    start: Callable[..., Running], open_gallery: Open, tmp_path: Path
) -> None:
    folder = tmp_path / "album"
    make_album(folder)
    with Library.open(tmp_path / "photos.recall", encoder="compact") as library:
        library.sync(folder)
    (folder / "moon.jpg").rename(folder / "full-moon.jpg")
    (folder / "page.jpg").unlink()
    opened = open_gallery(start(tmp_path / "photos.recall"), "#/indexing")
    expect(opened.page.locator(".table")).to_contain_text("broken.jpg")
    opened.page.click("text=Update now")
    expect(opened.page.locator("main")).to_contain_text("1 moved, 1 removed", timeout=60_000)
    opened.page.click(".nav >> text=Photos")
    assert "full-moon.jpg" in opened.names()


def test_another_library_is_chosen_and_an_empty_one_says_how_to_fill_it(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery)
    expect(opened.page.locator("h1")).to_contain_text("14 photos")
    opened.page.select_option(".libraries", "empty")
    expect(opened.page.locator(".state")).to_contain_text("recall index ~/Pictures")
    opened.page.go_back()
    expect(opened.page.locator("h1")).to_contain_text("14 photos")


def test_what_the_server_refuses_is_said_and_can_be_tried_again(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery, "#/photos?after=soon")
    expect(opened.page.locator(".state")).to_contain_text("soon")
    opened.page.click("text=Show all photos")
    expect(opened.page.locator("h1")).to_contain_text("14 photos")


def test_a_server_that_is_gone_is_said_to_be_and_the_page_recovers(gallery: Running, open_gallery: Open) -> None:
    opened = open_gallery(gallery)
    expect(opened.page.locator("h1")).to_contain_text("14 photos")

    def cut(route: Route) -> None:
        route.abort()

    opened.page.route("**/search/layout", cut)
    opened.page.fill("#search", "a cat")
    opened.page.press("#search", "Enter")
    expect(opened.page.locator(".state")).to_contain_text("The server does not answer")
    opened.page.unroute("**/search/layout", cut)
    opened.page.click("text=Try again")
    expect(opened.page.locator("h1")).to_contain_text("for “a cat”")
    opened.complaints[:] = [each for each in opened.complaints if "net::ERR_FAILED" not in each]
