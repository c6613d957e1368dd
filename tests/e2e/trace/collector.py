"""A receiver of real OTLP over HTTP: what a tracing backend gets, kept in memory."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    trace: str
    id: str
    parent: str
    name: str
    service: str
    attributes: dict[str, Any]


class Collector:
    """Spans by id. `url` is for OTEL_EXPORTER_OTLP_ENDPOINT."""

    def __init__(self) -> None:
        self.spans: dict[str, Span] = {}
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            names = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                for s in scope.spans:
                    found = {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in s.attributes}
                    span = Span(
                        s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex(), s.name, names["service.name"], found
                    )
                    self.spans[span.id] = span

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def ancestors(self, span: Span) -> list[Span]:
        """From the parent up to the root."""
        found: list[Span] = []
        while span.parent in self.spans:
            span = self.spans[span.parent]
            found.append(span)
        return found
