"""Runs a server until Ctrl-C."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import closing

import uvicorn
from starlette.types import ASGIApp

from indexer.errors import ConfigError
from retrieval.server.options import Options
from retrieval.server.slow_clients import protocol_class

_PATIENCE_SECONDS = 3
"""Time that requests in progress get when the server ends."""

_BACKLOG = 100
"""Connections that are accepted at once: asyncio looks at none of them before the last, so that 2,048, uvicorn's value,
take all files that a process may open before the first is cut off."""


def serve(app: ASGIApp, listener: socket.socket, options: Options, *, announce: Callable[[], None]) -> None:
    """Answer requests until Ctrl-C.

    Args:
        app: The application, as `make_app` returns it.
        listener: The open socket; it is closed afterwards.
        options: What the server allows.
        announce: Called when it answers.

    Raises:
        ConfigError: The certificate or its key cannot be used.
    """
    # errors of endpoints are logged by `problems`; here they would come twice, with what strangers send that is no HTTP
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    config = server_config(app, options)
    with closing(listener):
        try:
            config.load()
        except OSError as error:  # of ssl, too
            files = " and ".join(map(str, options.tls or ()))
            reason = error.strerror or error
            expected = "expected a certificate and its key, in PEM"
            raise ConfigError(f"{files} cannot be used for HTTPS ({reason}); {expected}") from error
        announce()
        uvicorn.Server(config).run(sockets=[listener])


def server_config(app: ASGIApp, options: Options) -> uvicorn.Config:
    """Return how uvicorn serves an application: it logs no addresses, since one has the token, and trusts no proxy."""
    certificate, key = options.tls or (None, None)
    return uvicorn.Config(
        app,
        http=protocol_class(),
        loop="retrieval.server.event_loop:EventLoop" if options.tls else "auto",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_PATIENCE_SECONDS,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
