"""Metrics for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from retrieval.server.state import Shared

ROUTER = APIRouter(tags=["server"])


@ROUTER.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(shared: Shared) -> Response:
    """Return the metrics of the server in the text format of Prometheus."""
    return Response(shared.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})
