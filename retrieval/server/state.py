"""What the endpoints of a server share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from indexer.images.workers.reader import PictureReader
from retrieval.server.access import Access
from retrieval.server.jobs import Jobs
from retrieval.server.libraries import Served
from retrieval.server.metrics import Metrics
from retrieval.server.options import Options
from retrieval.server.sent_pictures import SentPictures


@dataclass(frozen=True, slots=True)
class State:
    """What the endpoints of a server share.

    Attributes:
        libraries: The libraries by their names.
        options: What the server allows.
        access: Who may call it.
        reader: Decodes the pictures that clients send, in processes of its own.
        pictures: The pictures that clients have sent.
        metrics: What the server counts.
        jobs: Long work.
        lanes: Who waits for a turn, see `lanes.lane`.
        thumbnail_threads: Bounds the threads that make thumbnails. A grid asks for dozens that are not made yet: in the
            threads of the other endpoints they would keep searches waiting.
    """

    libraries: Mapping[str, Served]
    options: Options
    access: Access
    reader: PictureReader
    pictures: SentPictures
    metrics: Metrics
    jobs: Jobs
    lanes: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    thumbnail_threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(8))


async def state_of(request: Request) -> State:
    """Return what the endpoints of the server share."""
    state: State = request.app.state.shared
    return state


Shared = Annotated[State, Depends(state_of)]
"""What the endpoints share, as an argument of an endpoint."""
