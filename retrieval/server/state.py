"""What the endpoints of a server share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

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
    """

    libraries: Mapping[str, Served]
    options: Options
    access: Access
    reader: PictureReader
    pictures: SentPictures
    metrics: Metrics
    jobs: Jobs
    lanes: dict[str, asyncio.Semaphore] = field(default_factory=dict)


async def state_of(request: Request) -> State:
    """Return what the endpoints of the server share."""
    state: State = request.app.state.shared
    return state


Shared = Annotated[State, Depends(state_of)]
"""What the endpoints share, as an argument of an endpoint."""
