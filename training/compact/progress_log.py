"""Progress of a long stage in the log, with the time left."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

logger = logging.getLogger("training.compact")

T = TypeVar("T")

INTERVAL = 15.0  # seconds between two lines


def log_progress(items: Iterable[T], *, stage: str, total: int) -> Iterator[T]:
    """Yield the items; every 15 seconds log how many of `total` are done and the minutes left."""
    started = last_logged = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - last_logged >= INTERVAL:
            seconds_left = (now - started) / done * (total - done)
            logger.info("%s: %d of %d, %.1f min left", stage, done, total, seconds_left / 60)
            last_logged = now
        yield item
    logger.info("%s: %d done in %.1f min", stage, total, (time.monotonic() - started) / 60)
