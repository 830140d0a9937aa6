"""The gallery in a browser, as a test uses it."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Error, Page, Request, expect

expect.set_options(timeout=15_000)  # the machine may be busy
SHOTS = os.environ.get("RECALL_TEST_SCREENSHOTS")
"""The folder where screenshots are kept; none are made without it."""

_LOCAL = ("http", "127.0.0.1"), ("blob", None), ("data", None)


class GalleryPage:
    """A page, with a record of what it must not do."""

    def __init__(self, page: Page) -> None:
        """Watch a page."""
        self.page = page
        self.complaints: list[str] = []
        page.set_default_timeout(15_000)
        page.on("request", self._on_request)
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)

    def search(self, words: str) -> None:
        """Search for words."""
        self.page.fill("#search", words)
        self.page.press("#search", "Enter")
        expect(self.page.locator("main")).to_have_attribute("aria-busy", "false")

    def names(self) -> list[str]:
        """Return the names of the tiles in the window, in their order."""
        expect(self.page.locator("main")).to_have_attribute("aria-busy", "false")
        expect(self.page.locator(".tile-link:not([title])")).to_have_count(0)
        labels = self.page.eval_on_selector_all(".tile-link", "links => links.map(link => link.ariaLabel)")
        return [label.partition(",")[0] for label in labels]

    def tile(self, name: str) -> str:
        """Return the selector of a tile's link."""
        return f'.tile-link[aria-label^="{name}"]'

    def focused(self) -> str:
        """Return the label of what has the keyboard's focus."""
        return str(self.page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent"))

    def drop(self, file: Path) -> None:
        """Drop a picture's file on the page."""
        data = self.page.evaluate_handle(
            """([name, content]) => {
                const data = new DataTransfer();
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                data.items.add(new File([bytes], name, {type: "image/jpeg"}));
                return data;
            }""",
            [file.name, base64.b64encode(file.read_bytes()).decode()],
        )
        self.page.dispatch_event("body", "dragover", {"dataTransfer": data})
        self.page.dispatch_event("body", "drop", {"dataTransfer": data})

    def wait_until_changed(self, expression: str, before: str) -> None:
        """Wait until an expression has another value; Playwright's own way is refused by the page's policy."""
        for _ in range(150):
            if self.page.evaluate(expression) != before:
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{expression} is still {before} after 15 seconds")

    def faults(self) -> list[str]:
        """Return what axe finds in the present state, and whether the page is wider than the window."""
        found = Axe().run(self.page).response["violations"]
        faults = [f"{rule['id']}: {[node['target'] for node in rule['nodes']]}" for rule in found]
        fits = self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        return faults if fits else [*faults, "wider than the window"]

    def shoot(self, name: str) -> None:
        """Keep a screenshot, if they are wanted."""
        if SHOTS:
            self.page.screenshot(path=Path(SHOTS) / f"{name}.png")

    def assert_clean(self) -> None:
        """Fail if the page left this machine, broke its policy, or had an error."""
        assert self.complaints == []

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if (parts.scheme, parts.hostname) not in _LOCAL:
            self.complaints.append(f"asked {request.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        # Chromium reports each answer with an error's status; tests say themselves what they expect of those
        if message.type == "error" and "the server responded with a status of" not in message.text:
            self.complaints.append(message.text)

    def _on_error(self, error: Error) -> None:
        self.complaints.append(str(error))
