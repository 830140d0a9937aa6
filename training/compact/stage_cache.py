"""The work folder: what a stage made, kept under a key of all that decided it."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

logger = logging.getLogger(__name__)


def key_of(*parts: object) -> str:
    """Return eight hex digits that change when any part does; parts are anything json can write."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:8]


class Work:
    """A folder in which every stage finds what an earlier run has finished.

    A file appears under its final name only when it is complete, so a killed run leaves nothing half done behind.
    `times.json` keeps the seconds of each stage, so that an interrupted run still knows what the whole took.
    """

    def __init__(self, folder: Path) -> None:
        """Use (and make) the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def prefix(self, stage: str, number: int, key: str, make: Callable[[Path], None]) -> Path:
        """Return the path prefix of a stage that writes its own files, made now or by an earlier run."""
        prefix = self.folder / f"{stage}{number}.{key}"
        done = prefix.with_name(prefix.name + ".done")
        if not done.exists():
            self._timed(f"{stage}{number}", key, lambda: make(prefix))
            done.touch()
        return prefix

    def array(self, stage: str, key: str, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return a stage's array, made now or by an earlier run."""
        path = self.folder / f"{stage}.{key}.npy"
        if not path.exists():
            partial = path.with_suffix(".partial.npy")
            np.save(partial, self._timed(stage, key, make))
            partial.rename(path)
        return np.load(path)  # type: ignore[no-any-return]

    def state(self, stage: str, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a stage's tensors by name, made now or by an earlier run."""
        path = self.folder / f"{stage}.{key}.pt"
        if not path.exists():
            partial = path.with_suffix(".partial")
            torch.save(self._timed(stage, key, make), partial)
            partial.rename(path)
        return torch.load(path, map_location="cpu", weights_only=True)  # type: ignore[no-any-return]

    def seconds(self) -> dict[str, float]:
        """Return the seconds that each finished stage took, by stage and key."""
        path = self.folder / "times.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _timed(self, stage: str, key: str, make: Callable[[], Any]) -> Any:
        logger.info("stage %s begins", stage)
        started = time.monotonic()
        result = make()
        times = self.seconds() | {f"{stage}.{key}": round(time.monotonic() - started, 1)}
        (self.folder / "times.json").write_text(json.dumps(times, indent=1))
        return result
