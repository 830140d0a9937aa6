"""Finds what a web page would load from another host."""

from __future__ import annotations

import re
from html.parser import HTMLParser

# The attributes by which an element loads something. `a href` is missing: a link loads nothing until it is clicked.
_LOADING = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src", "srcset"),
    "input": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
_PASSIVE_LINKS = {"canonical", "next", "prev"}  # rel values of <link> that name a page without loading it
_STYLE_URL = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""")


class _Resources(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and values.get("rel") in _PASSIVE_LINKS:
            return
        urls = [values.get(name) or "" for name in _LOADING.get(tag, ())]
        self.urls += [url for url in urls if url.strip().startswith(("http:", "https:", "//"))]
        self.urls += external_styles(values.get("style") or "")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style":
            self.urls += external_styles(data)


def external_resources(html: str) -> list[str]:
    """Return the URLs on other hosts that a browser loads to show this page."""
    parser = _Resources()
    parser.feed(html)
    return parser.urls


def external_styles(css: str) -> list[str]:
    """Return the URLs on other hosts that a style sheet loads."""
    return _STYLE_URL.findall(css)
