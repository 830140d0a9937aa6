"""Calls a function for items in several threads, a bounded number ahead, for requests that mostly wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def map_ahead(function: Callable[[T], R], items: Iterable[T], *, threads: int) -> Generator[tuple[T, R], None, None]:
    """Yield each item with the function's result, in the order of the items.

    Args:
        function: Called in one of the threads; the first exception that it raises is raised here.
        items: Any number of items, read in the caller's thread, twice as many ahead as there are threads.
        threads: Calls at the same time.
    """
    source = iter(items)
    pending: deque[tuple[T, Future[R]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="recall-storage")
    try:
        while True:
            for item in islice(source, 2 * threads - len(pending)):
                pending.append((item, pool.submit(copy_context().run, function, item)))
            if not pending:
                return
            item, future = pending.popleft()
            yield item, future.result()
    finally:
        pool.shutdown(cancel_futures=True)
