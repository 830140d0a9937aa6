"""The application: the guard before the routers, and the state that they share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from indexer import __version__
from indexer.config import is_frozen
from indexer.images.file_reader import Limits
from indexer.images.workers.reader import PictureReader
from retrieval.server import problems
from retrieval.server.access import Access
from retrieval.server.body_limit import PICTURE_BODY, BodyLimit
from retrieval.server.compression import Compression
from retrieval.server.guard import Guard
from retrieval.server.jobs import Jobs
from retrieval.server.libraries import Served
from retrieval.server.metrics import Metered, Metrics
from retrieval.server.options import Options
from retrieval.server.rate_limit import RateLimit
from retrieval.server.routers import PREDICT_ROUTER, ROUTERS
from retrieval.server.sent_pictures import SentPictures
from retrieval.server.state import State

_DESCRIPTION = """Search photos and texts by words and pictures.

Send `Authorization: Bearer TOKEN` with the token that `recall serve` printed. Errors are problem details (RFC 9457).
Items are named by `item_id`, a number that stays the same as long as the item is in the library.
"""

_SENT_PIXELS = 200_000_000

_SENT_SECONDS = 30.0
"""Time that decoding a sent picture may take."""


def make_app(libraries: Mapping[str, Served], options: Options, *, digests: Callable[[], Iterable[str]]) -> ASGIApp:
    """Return the application of libraries.

    Args:
        libraries: The open libraries by their names.
        options: What the server allows.
        digests: Returns the digests of the tokens that are accepted now; see `access.digest_of`.
    """
    access = Access(digests)
    app = FastAPI(
        title="Recall",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        lifespan=_ending,
        responses={"default": {"description": "Why there is no answer.", "content": _PROBLEM_CONTENT}},
    )
    app.state.libraries = libraries
    metrics, jobs = Metrics(libraries), Jobs()
    app.state.shared = State(libraries, options, access, _reader(), SentPictures(), metrics, jobs)
    problems.add_handlers(app)
    for router in (*ROUTERS, *([PREDICT_ROUTER] if options.predict else [])):
        app.include_router(router)
    app.openapi = _with_problem(app)  # type: ignore[method-assign]  # FastAPI documents this as the way
    within = RateLimit(BodyLimit(Compression(app)))
    return Metered(Guard(within, access=access, options=options), metrics)


@asynccontextmanager
async def _ending(app: FastAPI) -> AsyncIterator[None]:
    """End the jobs and the processes that decode pictures with the server."""
    yield
    shared: State = app.state.shared
    await anyio.to_thread.run_sync(shared.jobs.close)
    shared.reader.close()


def _reader() -> PictureReader:
    limits = Limits(max_pixels=_SENT_PIXELS, max_bytes=PICTURE_BODY)
    return PictureReader(limits=limits, timeout=_SENT_SECONDS, in_threads=is_frozen())


_PROBLEM_CONTENT: dict[str, Any] = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _operation_id(route: APIRoute) -> str:
    """Return the name of an endpoint's function: clients that are made from the description call it so."""
    return route.name


def _with_problem(app: FastAPI) -> Any:
    """Return a function that returns the description of the API, the problems and the token included."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = describe()
            components = schema.setdefault("components", {})
            own = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            components.setdefault("schemas", {}).update({**own.pop("$defs", {}), "Problem": own})
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            schema["security"] = [{"token": []}]
        return app.openapi_schema or {}

    return openapi
