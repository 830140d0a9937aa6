"""Python runs this at its start where its folder is on PYTHONPATH: from then on no other machine can be reached."""

from __future__ import annotations

import os
import socket
import sys

HERE = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "", None}  # noqa: S104  compared with, never bound
WATCHED = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0}  # event -> where the address stands


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event not in WATCHED or os.environ.get("RECALL_TEST_NETWORK") == "1":
        return
    target = arguments[WATCHED[event]]
    host = target[0] if isinstance(target, tuple) else target
    local_socket = getattr(arguments[0], "family", None) == getattr(socket, "AF_UNIX", object())
    if not local_socket and (host.decode() if isinstance(host, bytes) else host) not in HERE:
        raise OSError(f"a test tried to reach {host!r}: tests use no network, unless they are marked hub")


sys.addaudithook(_refuse)
