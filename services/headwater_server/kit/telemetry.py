"""Traces and metrics of a process. W3C trace context always travels; spans are recorded and exported by OTLP/HTTP only
when OTEL_EXPORTER_OTLP_ENDPOINT is set, and only then is the OpenTelemetry SDK imported."""

import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

REGISTRY = CollectorRegistry()
REQUESTS = Histogram(
    "headwater_request_seconds",
    "Time to answer an RPC.",
    ["service", "method", "code"],
    registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
EVENTS = Counter("headwater_events_total", "Events published.", ["service", "type"], registry=REGISTRY)


def metrics_page() -> bytes:
    """All metrics of this process in Prometheus' text format."""
    return generate_latest(REGISTRY)


def new_traceparent() -> str:
    """A W3C traceparent that starts a trace."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


class Span:
    """One operation. `traceparent` is what its children continue; times are nanoseconds since the Unix epoch."""

    def __init__(self, traceparent: str, inner: Any = None) -> None:
        self.traceparent = traceparent
        self._inner = inner

    def set(self, key: str, value: str | int | float | bool) -> None:
        if self._inner is not None:
            self._inner.set_attribute(key, value)

    def fail(self, error: BaseException | str) -> None:
        if self._inner is not None:
            from opentelemetry.trace import Status, StatusCode

            if isinstance(error, BaseException):
                self._inner.record_exception(error)
            self._inner.set_status(Status(StatusCode.ERROR, str(error)))

    def end(self, at: int | None = None) -> None:
        if self._inner is not None:
            self._inner.end(at or time.time_ns())


class Tracer:
    """Starts spans for one service; without an exporter it hands the parent's context through."""

    def __init__(self, service: str, environ: Mapping[str, str] = os.environ) -> None:
        self._provider: Any = None
        self._tracer: Any = None
        if environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") and environ.get("OTEL_SDK_DISABLED", "").lower() != "true":
            self._start(service)

    def _start(self, service: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create({"service.name": f"headwater-{service}", "service.namespace": "headwater"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=500))
        self._tracer = self._provider.get_tracer("headwater")

    @property
    def enabled(self) -> bool:
        return self._tracer is not None

    def start(
        self,
        name: str,
        parent: str = "",
        *,
        kind: str = "internal",
        attributes: dict[str, Any] | None = None,
        at: int | None = None,
    ) -> Span:
        """A span that the caller ends. kind: internal, server, client, producer or consumer."""
        if self._tracer is None:
            return Span(parent)
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = TraceContextTextMapPropagator().extract({"traceparent": parent}) if parent else None
        inner = self._tracer.start_span(name, context, SpanKind[kind.upper()], attributes=attributes, start_time=at)
        ids = inner.get_span_context()
        return Span(f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{int(ids.trace_flags):02x}", inner)

    @contextmanager
    def span(
        self, name: str, parent: str = "", *, kind: str = "internal", attributes: dict[str, Any] | None = None
    ) -> Iterator[Span]:
        span = self.start(name, parent, kind=kind, attributes=attributes)
        try:
            yield span
        except BaseException as error:
            span.fail(error)
            raise
        finally:
            span.end()

    def close(self) -> None:
        """Exports what is left."""
        if self._provider is not None:
            self._provider.shutdown()
