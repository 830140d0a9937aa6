"""Metrics for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.errors import RecallError
from retrieval.server.libraries import Served

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """What a server counts; safe to use from several threads."""

    def __init__(self, libraries: Mapping[str, Served]) -> None:
        """Count nothing yet.

        Args:
            libraries: The libraries, whose items are counted too.
        """
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "recall_requests", "Requests that were answered.", ("method", "route", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "recall_request_seconds", "Time until an answer was sent.", ("route",), buckets=_SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self.in_progress = Gauge("recall_requests_in_progress", "Requests in progress.", registry=self._registry)
        self._registry.register(_Items(libraries))

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)


class _Items(Collector):
    """The items of the libraries, counted when they are asked for."""

    def __init__(self, libraries: Mapping[str, Served]) -> None:
        self._libraries = libraries

    def collect(self) -> Iterable[Metric]:
        """Yield the number of items of each library."""
        family = GaugeMetricFamily("recall_items", "Photos, texts and failed files.", labels=("library", "kind"))
        for served in self._libraries.values():
            try:
                status = served.library.status()
            except RecallError:  # its disk is away: the others are still counted
                continue
            for kind, number in (("photo", status.photos), ("text", status.texts), ("failed", status.failed)):
                family.add_metric((served.name, kind), number)
        yield family

    def describe(self) -> Iterable[Metric]:
        """Yield the metric without values: registering asks no library."""
        yield GaugeMetricFamily("recall_items", "Photos, texts and failed files.", labels=("library", "kind"))


class Metered:
    """Counts requests by their route, never by their path: a client must not be able to make new names."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Count the requests to an application."""
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, start = 500, time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with self._metrics.in_progress.track_inprogress():
                await self._app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - start)


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
