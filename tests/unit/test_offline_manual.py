"""Tests of the check that the manual loads nothing from another host."""

from __future__ import annotations

import pytest

from docs.generator.offline import external_resources, external_styles


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://unpkg.com/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/x.css">',
        '<link rel="preconnect" href="https://fonts.example">',
        '<img src="http://example.org/a.png" alt="">',
        '<img srcset="https://example.org/a.png 2x" alt="">',
        '<p style="background: url(https://example.org/a.png)">',
        "<style>@font-face { src: url('https://example.org/a.woff2') }</style>",
        '<iframe src="https://example.org"></iframe>',
    ],
)
def test_what_a_page_loads_from_another_host_is_named(html: str) -> None:
    [url] = external_resources(html)

    assert "//" in url


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://example.org">a link</a>',
        '<link rel="canonical" href="https://example.org/page.html">',
        '<script src="assets/x.js"></script>',
        '<img src="data:image/svg+xml;charset=utf-8,x" alt="">',
        "<code>url(https://example.org)</code>",
    ],
)
def test_links_and_local_files_are_no_external_resources(html: str) -> None:
    assert external_resources(html) == []


def test_fonts_and_imports_of_a_style_sheet_are_named() -> None:
    css = "@import 'https://a.example/x.css'; @font-face { src: url(//b.example/x.woff2) } p { background: url(x.png) }"

    assert external_styles(css) == ["https://a.example/x.css", "//b.example/x.woff2"]
