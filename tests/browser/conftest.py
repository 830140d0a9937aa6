"""Fixtures for tests of the gallery: Chromium, and servers of libraries of real photos."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from retrieval import Library
from tests.support.album import make_album
from tests.support.serving import TOKEN, Running, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.gallery_page import GalleryPage

if importlib.util.find_spec("playwright") is None:
    collect_ignore_glob = ["test_*.py"]  # the group browser is not installed

CHROMIUM = os.environ.get("RECALL_TEST_CHROMIUM", "/usr/bin/chromium")
"""Debian's, since Playwright's own would be downloaded."""

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Return how Chromium is started; its sandbox does not work for root."""
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is missing; install chromium, or name another with RECALL_TEST_CHROMIUM")
    no_sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": no_sandbox}


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the album, and its library beside it; both are only read."""
    folder = tmp_path_factory.mktemp("gallery") / "album"
    make_album(folder)
    with Library.open(folder.parent / "photos.recall", encoder="compact") as library:
        library.sync(folder)
    return folder


@pytest.fixture(scope="session")
def gallery(album: Path) -> Iterator[Running]:
    """Return a server on the album, and on an empty library; tests change neither."""
    with Library.open(album.parent / "empty.recall"), running_server() as start:
        yield start(album.parent / "photos.recall", album.parent / "empty.recall")


@pytest.fixture
def library_copy(album: Path, tmp_path: Path) -> Path:
    """Return a copy of the album's library that the test may change."""
    return Path(shutil.copytree(album.parent / "photos.recall", tmp_path / "photos.recall"))


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Return a function that starts servers, which end with the test."""
    with running_server() as start:
        yield start


@pytest.fixture
def open_gallery(browser: Browser) -> Iterator[Callable[..., GalleryPage]]:
    """Return a function that opens a server's gallery in a browser of its own; afterwards it was quiet and offline."""
    from tests.browser.gallery_page import GalleryPage  # late: the group browser may be missing

    opened: list[GalleryPage] = []

    def open_(server: Running, address: str = "#/photos", **options: Any) -> GalleryPage:
        context = browser.new_context(**{"viewport": WIDE, "base_url": server.url, "locale": "en-GB", **options})
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page: Page = context.new_page()
        gallery_page = GalleryPage(page)
        opened.append(gallery_page)
        page.goto(f"/?token={TOKEN}{address}")
        return gallery_page

    yield open_
    for gallery_page in opened:
        gallery_page.page.context.close()
    for gallery_page in opened:
        gallery_page.assert_clean()
