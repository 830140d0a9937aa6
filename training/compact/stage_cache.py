"""The work folder: the result of each stage, stored under a key of everything that determined it."""

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


def stage_key(*parts: object) -> str:
    """Return eight hex digits that change if any part does; parts are values that JSON can write."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:8]


class StageCache:
    """A folder with the results of finished stages, from which an interrupted run continues.

    A file gets its final name only when it is complete, so a killed run leaves no partial result. `times.json` has the
    seconds of each stage, from which the duration of an interrupted run is known.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder, and create it if it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def prefix(self, stage: str, number: int, key: str, compute: Callable[[Path], None]) -> Path:
        """Return the path prefix of a stage that writes its own files, by this run or an earlier one."""
        prefix = self.folder / f"{stage}{number}.{key}"
        done = prefix.with_name(prefix.name + ".done")
        if not done.exists():
            self._time(f"{stage}{number}", key, lambda: compute(prefix))
            done.touch()
        return prefix

    def array(self, stage: str, key: str, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return the array of a stage, computed by this run or an earlier one."""
        path = self.folder / f"{stage}.{key}.npy"
        if not path.exists():
            partial = path.with_suffix(".partial.npy")
            np.save(partial, self._time(stage, key, compute))
            partial.rename(path)
        return np.load(path)  # type: ignore[no-any-return]

    def state(self, stage: str, key: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the tensors of a stage by name, computed by this run or an earlier one."""
        path = self.folder / f"{stage}.{key}.pt"
        if not path.exists():
            partial = path.with_suffix(".partial")
            torch.save(self._time(stage, key, compute), partial)
            partial.rename(path)
        return torch.load(path, map_location="cpu", weights_only=True)  # type: ignore[no-any-return]

    def seconds(self) -> dict[str, float]:
        """Return the seconds of each finished stage, by stage and key."""
        path = self.folder / "times.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _time(self, stage: str, key: str, compute: Callable[[], Any]) -> Any:
        """Return the result of a stage, and record its seconds."""
        logger.info("stage %s begins", stage)
        started = time.monotonic()
        result = compute()
        times = self.seconds() | {f"{stage}.{key}": round(time.monotonic() - started, 1)}
        (self.folder / "times.json").write_text(json.dumps(times, indent=1))
        return result
