"""The trace of one command: a traceparent for every request it makes, and its root span where an exporter is set up.

Imports opentelemetry only when OTEL_EXPORTER_OTLP_ENDPOINT is set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-0[0-9a-f]\Z")


@contextmanager
def command_span(name: str, attributes: dict[str, str]) -> Generator[Any]:
    """Puts TRACEPARENT into the environment, where requests take it from, while the command runs.

    Continues the trace of a TRACEPARENT that is there already.
    """
    given = os.environ.get("TRACEPARENT", "")
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        with _exported(name, attributes, given) as span:
            yield span
        return
    found = _TRACEPARENT.match(given)
    trace = found.group(1) if found else os.urandom(16).hex()
    os.environ["TRACEPARENT"] = f"00-{trace}-{os.urandom(8).hex()}-01"
    try:
        yield None
    finally:
        _restore(given)


@contextmanager
def _exported(name: str, attributes: dict[str, str], given: str) -> Generator[Any]:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:
        import sys

        print("OTEL_EXPORTER_OTLP_ENDPOINT is set, but spans need: pip install 'headwater[otel]'", file=sys.stderr)
        yield None
        return
    service = os.environ.get("OTEL_SERVICE_NAME", "headwater-cli")
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=5)))
    propagator = TraceContextTextMapPropagator()
    context = propagator.extract({"traceparent": given}) if given else None
    try:
        with provider.get_tracer("headwater").start_as_current_span(
            name, context=context, attributes=attributes
        ) as span:
            carrier: dict[str, str] = {}
            propagator.inject(carrier)
            os.environ["TRACEPARENT"] = carrier.get("traceparent", "")
            yield span
    finally:
        _restore(given)
        provider.shutdown()


def _restore(given: str) -> None:
    if given:
        os.environ["TRACEPARENT"] = given
    else:
        os.environ.pop("TRACEPARENT", None)
