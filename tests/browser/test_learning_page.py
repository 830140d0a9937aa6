"""Judging, private words, tuning and rolling back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from retrieval import Library
from tests.browser.gallery_page import GalleryPage
from tests.support.serving import Running

Open = Callable[..., GalleryPage]


def test_thumbs_judge_results_and_the_page_of_learning_shows_and_forgets_them(
    start: Callable[..., Running], library_copy: Path, open_gallery: Open
) -> None:
    opened = open_gallery(start(library_copy), "#/photos?q=a+cat")
    tile = opened.page.locator(".tile", has=opened.page.locator(opened.tile("chelsea.jpg")))
    tile.hover()
    tile.locator("[data-verdict=good]").click()
    expect(opened.page.locator(".message")).to_contain_text("chelsea.jpg: judged good")
    opened.page.click("text=Show less likely ones")
    bad = opened.page.locator(".tile", has=opened.page.locator(opened.tile("rocket.jpg")))
    bad.hover()
    bad.locator("[data-verdict=bad]").click()
    expect(opened.page.locator(".tile.bad")).to_have_count(1)
    opened.page.click(".nav >> text=Learning")
    judged = opened.page.locator(".judged")
    expect(judged).to_contain_text("a cat")
    expect(judged.locator(".thumb.good img")).to_be_visible()
    expect(judged.locator(".thumb.bad img")).to_be_visible()
    judged.locator("[aria-label^=Forget]").click()
    opened.page.click("dialog >> text='Forget'")
    expect(opened.page.locator("main")).to_contain_text("Nothing is judged yet")
    with Library.open(library_copy) as library:
        assert library.judgements() == []


def test_a_judgement_is_changed_and_taken_back(
    start: Callable[..., Running], library_copy: Path, open_gallery: Open
) -> None:
    opened = open_gallery(start(library_copy), "#/photos?q=a+cat")
    opened.page.focus(opened.tile("chelsea.jpg"))
    for key in ("+", "-"):
        opened.page.keyboard.press(key)
    expect(opened.page.locator(".message")).to_contain_text("judged bad")
    with Library.open(library_copy) as library:
        assert [judgement.is_good for judgement in library.judgements()] == [False]
    opened.page.keyboard.press("-")
    expect(opened.page.locator(".message")).to_contain_text("judgement taken back")
    expect(opened.page.locator(".tile.bad")).to_have_count(0)
    with Library.open(library_copy) as library:
        assert library.judgements() == []


def test_a_word_is_taught_from_a_photo_searched_for_and_forgotten(
    start: Callable[..., Running], library_copy: Path, open_gallery: Open
) -> None:
    opened = open_gallery(start(library_copy))
    opened.page.click(opened.tile("chelsea.jpg"))
    opened.page.click("[aria-label='Teach a word']")
    opened.page.keyboard.type("Mimi")
    opened.page.keyboard.press("Enter")
    expect(opened.page.locator(".viewer .messages")).to_contain_text("“Mimi” was learnt")
    opened.page.keyboard.press("Escape")
    opened.page.click(".nav >> text=Learning")
    card = opened.page.locator(".word", has_text="Mimi")
    expect(card.locator("img")).to_be_visible()
    card.get_by_role("button", name="Search").click()
    assert opened.names()[0] == "chelsea.jpg"
    opened.page.click(".nav >> text=Learning")
    opened.page.click("[aria-label='Forget “Mimi”']")
    opened.page.click("dialog >> text='Forget'")
    expect(opened.page.locator("main")).to_contain_text("No words are learnt yet")


def test_tuning_shows_its_report_and_a_version_is_rolled_back(
    start: Callable[..., Running], library_copy: Path, open_gallery: Open
) -> None:
    with Library.open(library_copy) as library:
        for number, query in enumerate(
            ("a cat", "a drink", "a space rocket", "a motorcycle", "coins", "a wall", "grass")
        ):
            hits = library.search(query, k=6)
            good = [hit for rank, hit in enumerate(hits) if (rank + number) % 3 == 0]
            library.judge(query, good=good, bad=[hit for hit in hits if hit not in good])
        library.tune()  # the verdicts mean nothing, so that it does not pass
        library.rollback(1)
    opened = open_gallery(start(library_copy), "#/learning")
    expect(opened.page.locator(".version.active")).to_contain_text("Version 1")
    opened.page.click("text=Roll back")
    opened.page.click("dialog >> .primary")
    expect(opened.page.locator("body > .messages")).to_contain_text("Rolled back")
    expect(opened.page.locator(".version.active")).to_have_count(0)
    opened.page.click("text=Tune now")
    expect(opened.page.locator(".report").first).to_contain_text("Discarded", timeout=90_000)
    expect(opened.page.locator(".report table").first).to_contain_text("nDCG@10")


def test_a_read_only_server_offers_nothing_that_writes(
    start: Callable[..., Running], library_copy: Path, open_gallery: Open
) -> None:
    opened = open_gallery(start(library_copy, read_only=True), "#/photos?q=a+cat")
    opened.page.hover(opened.tile("chelsea.jpg"))
    expect(opened.page.locator("[data-verdict]")).to_have_count(0)
    opened.page.click(opened.tile("chelsea.jpg"))
    expect(opened.page.locator("[aria-label='Teach a word']")).to_have_count(0)
    opened.page.keyboard.press("Escape")
    opened.page.click(".nav >> text=Learning")
    expect(opened.page.locator("main")).to_contain_text("This server is read-only")
    opened.page.click(".nav >> text=Indexing")
    expect(opened.page.locator(".numbers")).to_be_visible()
    expect(opened.page.locator("text=Update now")).to_be_hidden()
