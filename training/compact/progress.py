"""Progress of a long stage, on the log, with the time left."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

logger = logging.getLogger("training.compact")

T = TypeVar("T")

INTERVAL = 15.0  # seconds between two lines: often enough to see that it lives


def logged(items: Iterable[T], *, stage: str, total: int) -> Iterator[T]:
    """Yield the items and log how many of `total` are done, and the minutes left, every 15 seconds."""
    started = shown = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - shown >= INTERVAL:
            left = (now - started) / done * (total - done)
            logger.info("%s: %d of %d, %.1f min left", stage, done, total, left / 60)
            shown = now
        yield item
    logger.info("%s: %d done in %.1f min", stage, total, (time.monotonic() - started) / 60)
