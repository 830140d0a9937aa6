"""Machines of a test: network namespaces with an address each on a bridge of their own, which nothing leaves."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest


class Machines:
    """The machines that `machines` has made."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """Name them; nothing is made yet."""
        self.names = names
        self._tag = f"r{os.getpid()}"

    def address(self, name: str) -> str:
        """Return a machine's address."""
        return f"10.98.0.{self.names.index(name) + 1}"

    def prefix(self, name: str) -> tuple[str, ...]:
        """Return the beginning of a command that runs on a machine."""
        return ("ip", "netns", "exec", self._space(name))

    def cut(self, name: str) -> None:
        """Cut a machine's network: nobody is told, and packets vanish."""
        self._ip("-n", self._space("switch"), "link", "set", f"to-{name}", "down")

    def mend(self, name: str) -> None:
        """Connect a machine again."""
        self._ip("-n", self._space("switch"), "link", "set", f"to-{name}", "up")

    def make(self, stack: ExitStack) -> None:
        """Make all machines; they are removed at the end of `stack`."""
        for name in ("switch", *self.names):
            self._ip("netns", "add", self._space(name))
            stack.callback(self._ip, "netns", "delete", self._space(name))
            self._ip("-n", self._space(name), "link", "set", "lo", "up")
        switch = ("-n", self._space("switch"))
        self._ip(*switch, "link", "add", "bridge", "type", "bridge")
        self._ip(*switch, "link", "set", "bridge", "up")
        for name in self.names:
            space, peer = ("-n", self._space(name)), f"to-{name}"
            self._ip(*space, "link", "add", "net", "type", "veth", "peer", "name", peer, "netns", self._space("switch"))
            self._ip(*switch, "link", "set", peer, "master", "bridge", "up")
            self._ip(*space, "address", "add", f"{self.address(name)}/24", "dev", "net")
            self._ip(*space, "link", "set", "net", "up")

    def _space(self, name: str) -> str:
        return f"{self._tag}-{name}"

    @staticmethod
    def _ip(*arguments: str) -> None:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
        if "Operation not permitted" in done.stderr and os.geteuid() == 0:
            pytest.skip(f"this system lets root make no network namespaces: {done.stderr}")
        if done.returncode:
            pytest.fail(
                f"ip {' '.join(arguments)}: {done.stderr}; network namespaces need root and the package iproute2"
            )


@contextmanager
def machines(*names: str) -> Iterator[Machines]:
    """Yield machines with these names, of at most 8 letters."""
    made = Machines(names)
    with ExitStack() as stack:
        made.make(stack)
        yield made
