"""A library in an async program: its calls run in threads, and one is cancelled by an exception in `progress`."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest

from indexer.types import Progress, ProgressCallback
from retrieval import Library
from tests.support.color_photos import paint_many
from tests.support.encoders import FakeEncoder

pytestmark = pytest.mark.folder

PHOTOS, SEARCHES = 60, 50


class CancelledByUserError(Exception):
    """What an app raises when its user cancels."""


def cancel_after(steps: int, stage: str) -> ProgressCallback:
    """Return a progress callback that cancels at a report of a stage."""
    seen = 0

    def progress(report: Progress) -> None:
        nonlocal seen
        seen += report.stage == stage
        if seen > steps:
            raise CancelledByUserError

    return progress


async def test_searches_are_answered_while_a_sync_runs(library: Library, encoder: FakeEncoder, folder: Path) -> None:
    paint_many(folder, PHOTOS)
    library.add(vectors=np.eye(2, 3), ids=["red", "lime"])

    async def search(_: int) -> str | None:
        return (await asyncio.to_thread(library.search, np.eye(3)[0], k=1))[0].id

    answered = threading.Event()
    encoder.before_images = lambda _: answered.wait(60)
    sync = asyncio.create_task(asyncio.to_thread(library.sync, folder))
    try:
        found = await asyncio.gather(*map(search, range(SEARCHES)))
        assert not sync.done()
    finally:
        answered.set()

    assert (await sync).added == PHOTOS
    assert found == ["red"] * SEARCHES


async def test_a_cancelled_sync_keeps_what_was_committed_and_the_next_does_the_rest(
    library: Library, folder: Path
) -> None:
    paint_many(folder, PHOTOS)

    with pytest.raises(CancelledByUserError):
        await asyncio.to_thread(library.sync, folder, progress=cancel_after(2, "indexing"))

    kept = len(library)
    assert 0 < kept < PHOTOS
    report = await asyncio.to_thread(library.sync, folder)
    assert (report.added, report.unchanged, len(library)) == (PHOTOS - kept, kept, PHOTOS)


async def test_a_cancelled_add_keeps_whole_batches_and_adding_again_does_the_rest(library: Library) -> None:
    vectors = np.random.default_rng(0).standard_normal((12_000, 3))
    ids = [str(number) for number in range(len(vectors))]

    with pytest.raises(CancelledByUserError):
        await asyncio.to_thread(library.add, vectors=vectors, ids=ids, progress=cancel_after(1, "adding"))

    assert len(library) == 5000
    report = await asyncio.to_thread(library.add, vectors=vectors, ids=ids)
    assert (report.added, report.unchanged, len(library)) == (7000, 5000, 12_000)
