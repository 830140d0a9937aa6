"""Files as answers: whole, or the part that a client asks for."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import closing
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO

import anyio.to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from retrieval.server.problems import ProblemError

_CHUNK = 2**18

_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))")
"""One range. Several in one request are answered by the whole file, as HTTP allows; so is what is no range."""


def open_in_place(path: Path) -> BinaryIO:
    """Open the file that a path without links leads to, also if links are put in its way meanwhile.

    Args:
        path: Its real path, which was found to be one that may be given away.

    Raises:
        OSError: It cannot be opened, or the path leads to another file now.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    try:
        opened = os.fstat(file.fileno())
        is_path = os.path.realpath(path, strict=True) == str(path)
        is_same = is_path and stat.S_ISREG(opened.st_mode) and os.path.samestat(opened, os.stat(path))
    except OSError:
        file.close()
        raise
    if not is_same:
        file.close()
        raise OSError(errno.ESTALE, "another file has taken its place")
    return file


def tag_of(status: os.stat_result) -> str:
    """Return the ETag of a file."""
    return f'"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"'


def wanted_part(wanted: str | None, size: int) -> tuple[int, int] | None:
    """Return start and end of what a header Range asks for; None for everything.

    Raises:
        ProblemError: It asks for what is behind the end.
    """
    found = _RANGE.fullmatch((wanted or "").strip())
    if found is None:
        return None
    if found[3] is not None:
        start, end = max(0, size - int(found[3])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
        if found[2] and int(found[2]) < start:
            return None  # no range
    if start >= size:
        raise ProblemError(
            416, f"the file has {size:,} bytes; ask for others", headers={"Content-Range": f"bytes */{size}"}
        )
    return start, end


class FilePart(Response):
    """A file or a part of it; a part is read when the client has taken the one before."""

    def __init__(
        self, file: BinaryIO, *, size: int, part: tuple[int, int] | None, headers: dict[str, str], changed: float | None
    ) -> None:
        """Answer with an open file, which is closed afterwards.

        Args:
            file: The open file.
            size: Its bytes.
            part: Start and end of what is sent; None for all.
            headers: Headers of the answer, the type among them.
            changed: When it changed last, in seconds since 1970; None if that is not known.
        """
        start, end = part or (0, size)
        headers |= {"Accept-Ranges": "bytes", "Content-Length": str(end - start)}
        if part is not None:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        if changed is not None:
            headers["Last-Modified"] = formatdate(changed, usegmt=True)
        super().__init__(status_code=200 if part is None else 206, headers=headers)
        self._file, self._start, self._left = file, start, end - start

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with closing(self._file):
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            self._file.seek(self._start)
            while self._left:
                chunk = await anyio.to_thread.run_sync(self._file.read, min(_CHUNK, self._left))
                if not chunk:
                    break  # somebody cut the file: the connection ends before the announced length
                self._left -= len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": bool(self._left)})
            else:
                if self.headers["content-length"] == "0":
                    await send({"type": "http.response.body", "body": b""})
