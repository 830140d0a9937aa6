"""The endpoints, one file per noun.

A file has `ROUTER`, whose endpoints are plain functions (not `async`): FastAPI runs them in threads. They return
`answers.Json`, and declare what is in it by `response_model`. `ServedLibrary` and `WritableLibrary` give them the
library, `state.Shared` the rest. A new file is listed here.
"""

from __future__ import annotations

from retrieval.server.routers import (
    explain,
    gallery,
    health,
    item_pictures,
    items,
    jobs,
    judgements,
    libraries,
    metrics,
    overview,
    pictures,
    predict,
    search,
    versions,
    words,
)

ROUTERS = (
    health.ROUTER,
    metrics.ROUTER,
    libraries.ROUTER,
    search.ROUTER,
    pictures.ROUTER,
    items.ROUTER,
    item_pictures.ROUTER,
    overview.ROUTER,
    jobs.ROUTER,
    explain.ROUTER,
    judgements.ROUTER,
    words.ROUTER,
    versions.ROUTER,
    gallery.ROUTER,
)

PREDICT_ROUTER = predict.ROUTER
"""Only with the option `predict`."""
