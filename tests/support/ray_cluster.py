"""A Ray cluster of several nodes on this machine, which tests start and kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.support.ports import free_ports


class RayNode:
    """A node: the processes that `ray start` starts, in a session of their own.

    Attributes:
        log: What it printed.
    """

    def __init__(self, log: Path, environment: Mapping[str, str], *arguments: str) -> None:
        """Start a node."""
        self.log = log
        program = Path(sys.executable).parent / "ray"
        if not program.exists():
            raise RuntimeError("there is no Ray: pip install 'recall-photos[ray]', or .ci/cluster")
        command: list[str | Path] = [
            program,
            "start",
            "--block",
            "--num-cpus=1",
            "--num-gpus=0",
            "--disable-usage-stats",
            *arguments,
        ]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, env=environment, start_new_session=True
            )

    @property
    def pid(self) -> int:
        """Return the process id of `ray start`, whose children the others are."""
        return self._process.pid

    def kill(self) -> None:
        """Kill all its processes, as a crash of the machine does."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=60)


class RayCluster:
    """A head and a second node; `close` kills them.

    Attributes:
        address: What `--ray` takes.
        head: The first node.
        worker: The second node; None until it is started.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start the nodes, whose workers have this environment."""
        self._folder = tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp")  # short, for sockets
        folder = Path(self._folder.name)
        port, *others = free_ports(5)
        self.address = f"127.0.0.1:{port}"
        head = ("--head", f"--port={port}", "--node-ip-address=127.0.0.1", "--include-dashboard=false")
        self.head = RayNode(
            folder / "head.log", environment, *head, f"--temp-dir={folder / 'r'}", f"--node-manager-port={others[0]}"
        )
        self.worker: RayNode | None = None
        try:
            self._wait_for(self.head)
            self.worker = self._started_worker(folder, others[1], environment)
        except BaseException:
            self.close()
            raise

    def _started_worker(self, folder: Path, port: int, environment: Mapping[str, str]) -> RayNode:
        arguments = (f"--address={self.address}", "--node-ip-address=127.0.0.1", f"--node-manager-port={port}")
        node = RayNode(folder / "worker.log", environment, *arguments)
        try:
            self._wait_for(node)
        except BaseException:
            node.kill()
            raise
        return node

    def kill_worker(self) -> None:
        """Kill the second node."""
        if self.worker is not None:
            self.worker.kill()

    @staticmethod
    def _wait_for(node: RayNode) -> None:
        deadline = time.monotonic() + 180
        while "Ray runtime started" not in node.log.read_text(errors="replace"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"Ray does not start:\n{node.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.2)

    def close(self) -> None:
        """Kill all nodes."""
        self.kill_worker()
        self.head.kill()
        self._folder.cleanup()
