"""Start syncs that tests can kill, by forking a process that has imported everything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from indexer.types import Progress

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Zygote:
    """Forks one sync at a time; each is a separate process group, including its decoders.

    Attributes:
        library: The library to write to.
        folder: The source to index.
        batch_size: Photos per batch.
        hold_at: Number of indexed photos at which each sync stops itself once, by SIGSTOP; 0 for never.
    """

    library: Path
    folder: Path
    batch_size: int = 4
    hold_at: int = 0
    _pid: int = field(default=0, init=False)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.support.zygote",
                self.library,
                self.folder,
                str(self.batch_size),
                str(self.hold_at),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self._pid:  # a test failed and may have left the sync stopped
            with suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
        self._process.communicate(timeout=60)

    def run(self) -> tuple[int, Iterator[str]]:
        """Start a sync and return its process id, which is also its group id, and its output lines.

        There is one line per progress report ("indexing 4"), then "done", then "over". Read them to the end.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("the process has no pipes")
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self._pid = int(self._process.stdout.readline())
        return self._pid, self._lines()

    def _lines(self) -> Iterator[str]:
        if self._process.stdout is None:
            raise ValueError("the process has no pipes")
        for line in self._process.stdout:
            yield line.strip()
            if line == "over\n":
                return


def wait_until_stopped(pid: int) -> None:
    """Wait until a process is stopped, which happens shortly after it reports its progress.

    Raises:
        TimeoutError: The process still runs after a minute.
    """
    for _ in range(6000):
        if _state(Path(f"/proc/{pid}/stat"))[0] == "T":
            return
        time.sleep(0.01)
    raise TimeoutError(f"process {pid} has not stopped")


def is_alive(group: int) -> bool:
    """Return whether any process of a group is running; zombies do not count."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, process_group = _state(stat)
            if process_group == group and state != "Z":
                return True
    return False


def _state(stat: Path) -> tuple[str, int]:
    """Return a process's state letter and group; its name, which may have any characters, ends at the last ")"."""
    state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
    return state, int(group)


def main() -> None:
    """Fork a sync for each line of standard input, and wait for it."""
    from indexer.config import Settings
    from retrieval.library import Library
    from tests.support.encoders import FakeEncoder

    library, folder, batch_size, hold_at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            os.setsid()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _write(str(os.getpid()))
            settings = Settings(library=library, workers=2)
            with Library(settings, encoder=FakeEncoder(batch_size=batch_size)) as open_library:
                _write("opened")
                open_library.sync(folder, progress=partial(_report, hold_at))
                _write("done")
            os._exit(0)
        os.waitpid(child, 0)
        _write("over")


def _report(hold_at: int, progress: Progress) -> None:
    _write(f"{progress.stage} {progress.done}")
    if progress.stage == "indexing" and progress.done == hold_at > 0:
        os.kill(os.getpid(), signal.SIGSTOP)


def _write(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # one write: a killed process leaves no partial line


if __name__ == "__main__":
    main()
