"""Small pages of the server's own: how to get in, and the way from the printed address to the gallery."""

from __future__ import annotations

import html

from starlette.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}</title>{head}</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def locked_page() -> HTMLResponse:
    """Return the page that says how to get in."""
    body = (
        "<p>This browser does not have the key to your photos yet, or the server was started again.</p>"
        "<p>Open the address that <code>recall serve</code> printed where you started it. It ends in "
        "<code>?token=…</code></p>"
    )
    page = _PAGE.format(title="This gallery is locked", head="", body=body)
    return HTMLResponse(page, status_code=401, headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})


def forwarding_page(address: str) -> HTMLResponse:
    """Return a page that goes on to another address.

    A browser that came from another site does not send a cookie with SameSite=Strict after a redirect, but it does
    after this page.
    """
    target = html.escape(address, quote=True)
    head = f'<meta http-equiv="refresh" content="0; url={target}">'
    return HTMLResponse(_PAGE.format(title="Recall", head=head, body=f'<p><a href="{target}">Go on</a></p>'))
