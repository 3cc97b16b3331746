"""What the server has done and holds, in the text that Prometheus reads."""

import os
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ochredb.core.engine import Engine
from ochredb.core.figures import Figures, Watched
from ochredb.server.asked import asked
from ochredb.server.door import SHARED_METRICS

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_OTHER = "other"  # every path that is no operation: what callers make up must not become a time series each

_FIGURES = {
    "collections": "Collections.",
    "rows": "Records in all collections.",
    "tail_rows": "Records of large collections that their index does not cover yet; each search scans them.",
    "calls_behind": "Write calls that the views of searched collections have not seen yet.",
    "database_bytes": "Size of the SQLite file.",
    "wal_bytes": "Size of the write-ahead log.",
    "view_bytes": "Size of the views on disk.",
    "view_memory_bytes": "Memory that the views take.",
}


class Metrics:
    """The measurements of one server.

    Where it is several processes, requests are counted by all of them together; what the engine holds is told by the
    one that is asked, and so is the memory of its views.

    Args:
        engine: One that is `Watched` tells what it holds; any other is not asked.
    """

    def __init__(self, engine: Engine) -> None:
        shared = os.environ.get(SHARED_METRICS)
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "ochre_requests", "Requests that were answered.", ("operation", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "ochre_request_seconds", "How long answers took.", ("operation",), buckets=_SECONDS, registry=self.registry
        )
        self.under_way = Gauge(
            "ochre_requests_under_way",
            "Requests that wait for an answer.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._told = self.registry if shared is None else CollectorRegistry()
        if shared is None:
            ProcessCollector(registry=self._told)
        else:
            MultiProcessCollector(self._told, shared)  # type: ignore[no-untyped-call] # it has types for the rest
        if isinstance(engine, Watched):
            self._told.register(_Holdings(engine))

    def text(self) -> bytes:
        """Write all of them; it asks the engine, and takes milliseconds."""
        return generate_latest(self._told)


class Measured:
    """Middleware that counts and times requests.

    Args:
        app: What is behind it.
        metrics: Where the counts go.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count when it is done."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        match = asked(scope)
        operation = _OTHER if match is None else match.operation.name
        status = "none"  # a caller who hung up is not answered

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        began = time.perf_counter()
        with self._metrics.under_way.track_inprogress():
            try:
                await self._app(scope, receive, sending)
            finally:
                self._metrics.requests.labels(operation, status).inc()
                self._metrics.seconds.labels(operation).observe(time.perf_counter() - began)


class _Holdings(Collector):
    """What the engine holds, asked when it is read."""

    def __init__(self, engine: Watched) -> None:
        self._engine = engine

    def collect(self) -> Iterator[GaugeMetricFamily]:
        figures: Figures = self._engine.figures()
        for name, text in _FIGURES.items():
            yield GaugeMetricFamily(f"ochre_{name}", text, getattr(figures, name))

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Give the names without asking the engine."""
        return (GaugeMetricFamily(f"ochre_{name}", text) for name, text in _FIGURES.items())
