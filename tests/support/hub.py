"""A small server on this machine that speaks the protocol of the Hugging Face Hub, with faults on request."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGE = 100_000
"""Files with more bytes are stored apart, as Git LFS does: their checksum is SHA-256, and their address another."""


@dataclass
class Hub:
    """Repositories, what goes wrong, and what was asked for.

    Attributes:
        files: Content by repository, revision and name; "main" is the revision of a request that names none.
        card: What the model cards say.
        refusal: Status and error code of every answer; None for none.
        break_after: Bytes of a large file after which the connection is cut, once for each entry.
        is_broken: Whether large files fail with an error of the server once `break_after` is used up.
        slow: Whether large files arrive at a megabyte a second.
        damage: Whether large files arrive with a wrong byte.
        claimed_size: Size of large files that the headers claim; None for the true one.
        ranges: The Range header of each request for a large file, empty where there was none.
        paths: Path of each request.
    """

    files: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    card: dict[str, str] = field(default_factory=lambda: {"license": "mit"})
    refusal: tuple[int, str] | None = None
    break_after: list[int] = field(default_factory=list)
    is_broken: bool = False
    slow: bool = False
    damage: bool = False
    claimed_size: int | None = None
    ranges: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, repository: str, folder: Path, *, revision: str = "main") -> None:
        """Serve the files of a folder as a repository."""
        for file in folder.iterdir():
            self.files[repository, revision, file.name] = file.read_bytes()

    def commit(self, repository: str, revision: str) -> str:
        """Return the commit that a revision stands for, 40 hex digits."""
        return hashlib.sha1(f"{repository} {revision}".encode(), usedforsecurity=False).hexdigest()

    def env(self, home: Path) -> dict[str, str]:
        """Return the environment of a program that uses this hub, with a cache of its own."""
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "HF_TOKEN", "HF_HUB_CACHE")
        unset = {name: "" for upper in names for name in (upper, upper.lower())}
        del unset["HF_HUB_CACHE"], unset["hf_hub_cache"]
        return {**unset, "HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0"}


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    """Serve a hub on a free port of this machine."""

    class Handler(_Handler):
        served = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Hub

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_CONNECT(self) -> None:  # a proxy is asked for a tunnel
        self.served.paths.append(f"CONNECT {self.path}")
        self._answer(403, {})

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)  # a proxy is asked with the whole address
        self.served.paths.append(path)
        if self.served.refusal is not None:
            status, code = self.served.refusal
            self._answer(status, {"X-Error-Code": code, "X-Error-Message": "no"})
        elif path.startswith("/api/models/"):
            self._serve_card(path.removeprefix("/api/models/"))
        elif path.startswith("/large/"):
            self._serve_large(path.removeprefix("/large/"))
        else:
            self._serve_file(path.removeprefix("/"))

    def _serve_card(self, path: str) -> None:
        repository, _, _ = path.partition("/revision/")
        if not any(repository == known for known, _, _ in self.served.files):
            self._answer(404, {"X-Error-Code": "RepoNotFound"})
            return
        answer = {"id": repository, "modelId": repository, "siblings": [], "cardData": self.served.card, "tags": []}
        self._answer(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())

    def _serve_file(self, path: str) -> None:
        repository, _, rest = path.partition("/resolve/")
        revision, _, name = rest.partition("/")
        known = {(owner, self.served.commit(owner, branch)): branch for owner, branch, _ in self.served.files}
        branch = known.get((repository, revision), revision)
        content = self.served.files.get((repository, branch, name))
        if content is None:
            has_repository = any(repository == owner for owner, _ in known)
            has_revision = (repository, self.served.commit(repository, branch)) in known
            code = "EntryNotFound" if has_revision else "RevisionNotFound" if has_repository else "RepoNotFound"
            headers = {"X-Error-Code": code}
            if has_revision:
                headers["X-Repo-Commit"] = self.served.commit(repository, branch)
            self._answer(404, headers)
            return
        headers = {"X-Repo-Commit": self.served.commit(repository, branch)}
        if len(content) < LARGE:
            etag = hashlib.sha1(content, usedforsecurity=False).hexdigest()
            self._answer(200, {**headers, "ETag": f'"{etag}"'}, content)
            return
        digest = hashlib.sha256(content).hexdigest()
        size = self.served.claimed_size or len(content)
        headers |= {"ETag": '"other"', "X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(size)}
        large = self.served.url.replace("127.0.0.1", "localhost")  # another machine, as for the real hub
        self._answer(302, {**headers, "Location": f"{large}/large/{digest}"})

    def _serve_large(self, digest: str) -> None:
        contents = {hashlib.sha256(content).hexdigest(): content for content in self.served.files.values()}
        content = contents[digest]
        if self.served.damage:
            content = content[:-1] + bytes([content[-1] ^ 1])
        asked = self.headers.get("Range", "")
        self.served.ranges.append(asked)
        if self.served.is_broken and not self.served.break_after:
            self._answer(500, {})
            return
        begin = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        headers = {"Content-Range": f"bytes {begin}-{len(content) - 1}/{len(content)}"} if asked else {}
        cut = self.served.break_after.pop(0) if self.served.break_after else None
        self._answer(206 if asked else 200, headers, content[begin:], cut=cut)

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes = b"", *, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self._send(content if cut is None else content[:cut])
        if cut is not None:
            self.close_connection = True

    def _send(self, content: bytes) -> None:
        step = 100_000 if self.served.slow else len(content)
        for begin in range(0, len(content), max(step, 1)):
            try:
                self.wfile.write(content[begin : begin + step])
            except ConnectionError:  # the program was stopped
                self.close_connection = True
                return
            time.sleep(0.1 if self.served.slow else 0)
