"""Servers in threads of a test, with clients that reach them through real sockets."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from indexer.config import Settings
from retrieval.schemas.address import Address, listen
from retrieval.server import Options, make_app, open_libraries
from retrieval.server.access import digest_of
from retrieval.server.run import server_config

TOKEN = "the-token-of-a-test"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs in a thread.

    Attributes:
        url: Its address, without a path.
        port: Its port on 127.0.0.1.
        cookie: Name of its cookie.
    """

    url: str
    port: int
    cookie: str

    def client(self, *, token: str | None = TOKEN, **options: Any) -> httpx.Client:
        """Return a client; without a token it is a stranger."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, **options)

    def browser(self) -> httpx.Client:
        """Return a client with a cookie, as a browser that has opened the printed address."""
        with self.client(token=None) as visitor:
            visitor.get("/", params={"token": TOKEN})
            return self.client(token=None, cookies=visitor.cookies)


@contextmanager
def running_server() -> Iterator[Callable[..., Running]]:
    """Yield a function that starts a server on libraries and takes the fields of `Options`; all end afterwards."""
    with ExitStack() as stack:

        def start(*paths: Path, **choices: Any) -> Running:
            listener, address = listen(Address("127.0.0.1", 0), advice="")
            stack.callback(listener.close)
            options = Options(address, **choices)
            settings = Settings.load(library=paths[0], wait=1.0)
            libraries = stack.enter_context(open_libraries(paths, settings, read_only=options.read_only))
            app = make_app(libraries, options, digests=lambda: [digest_of(TOKEN)])
            server = uvicorn.Server(server_config(app, options))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
            thread.start()

            def stop() -> None:
                server.should_exit = True
                thread.join(timeout=20)

            stack.callback(stop)
            return Running(f"http://127.0.0.1:{address.port}", address.port, options.cookie)

        yield start


class ServedProgram:
    """A program that serves.

    Attributes:
        url: Its address without the token.
        token: The token that it printed.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.fullmatch(r"recall: serving (http://127\.0\.0\.1:\d+)/\?token=(\S+)\n", line)
        assert found, line + process.stderr.read()
        self.url, self.token = found[1], found[2]
        assert process.stderr.readline() == "recall: Ctrl-C ends it\n"

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.url.rpartition(":")[2])

    def client(self) -> httpx.Client:
        """Return a client that sends its token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)
