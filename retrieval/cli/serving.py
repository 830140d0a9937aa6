"""Starts the server for `recall serve`: the address, the token, and the browser."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from indexer.config import Settings
from indexer.database_url import DatabaseUrl
from indexer.errors import ConfigError
from retrieval import server
from retrieval.schemas.address import Address, listen
from retrieval.server.access import digest_of, new_token
from retrieval.server.pages import forwarding_page
from retrieval.server.tokens import TokenFile


def run(
    libraries: Sequence[Path | DatabaseUrl],
    address: str,
    settings: Settings,
    *,
    opens: bool | None,
    stored_tokens: bool,
    **choices: Any,
) -> None:
    """Serve libraries until Ctrl-C.

    Args:
        libraries: Their folders and URLs.
        address: Where to listen.
        settings: The settings of the libraries.
        opens: Whether to open the browser; None if there is a terminal and a desktop.
        stored_tokens: Whether only stored tokens are accepted.
        **choices: The other fields of `server.Options`.
    """
    parsed = Address.parse(address)
    server.Options(parsed, **choices)  # refuses an address before anything is opened
    listener, opened = listen(parsed, advice="--listen 0 takes a free port")
    options = server.Options(opened, **choices)
    token = None if stored_tokens else new_token()
    stored = TokenFile()
    if token is None and not stored.tokens():
        raise ConfigError("no token is stored; run: recall token new NAME, or leave out --stored-tokens")
    url = options.url if token is None else f"{options.url}?token={token}"
    with (
        server.open_libraries(libraries, settings, read_only=options.read_only) as served,
        _way_in(url) as file,
    ):
        own = () if token is None else (digest_of(token),)
        app = server.make_app(served, options, digests=lambda: (*own, *stored.digests()))

        def announce() -> None:
            click.echo(f"recall: serving {url}", err=True)
            click.echo("recall: Ctrl-C ends it", err=True)
            if _has_desktop() if opens is None else opens:
                webbrowser.open(file.as_uri())

        server.serve(app, listener, options, announce=announce)


@contextmanager
def _way_in(url: str) -> Iterator[Path]:
    """Yield a file, readable by this user alone, that leads to an address.

    A browser that is started with the address shows the token to all users of the machine, in the list of processes.
    """
    with tempfile.TemporaryDirectory(prefix="recall-") as folder:  # its owner's alone
        file = Path(folder) / "open.html"
        file.write_bytes(bytes(forwarding_page(url).body))
        yield file


def _has_desktop() -> bool:
    """Return whether somebody sits at this machine who would see a browser."""
    if not sys.stderr.isatty():
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
