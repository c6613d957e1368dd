"""The methods about traces, beside those of tracking.mlflow.api: one table per right that a caller needs."""

from collections.abc import Awaitable, Callable
from typing import Any

from headwater_server.kit.database import Database
from headwater_server.kit.rpc import Call
from headwater_server.tracking.mlflow.scope import Scope
from headwater_server.tracking.traces import bodies
from headwater_server.tracking.traces.assessments import Assessments
from headwater_server.tracking.traces.search import Search
from headwater_server.tracking.traces.spans import Spans
from headwater_server.tracking.traces.traces import Traces

Handler = Callable[[Any, str, Call], Awaitable[dict[str, Any] | bytes]]
Table = dict[str, tuple[type, Handler]]


def tables(scope: Scope, database: Database) -> tuple[Table, Table, Table]:
    """Reads, logs, changes."""
    traces, search = Traces(scope, database), Search(scope)
    spans, assessments = Spans(scope, database), Assessments(scope, database)
    reads: Table = {
        "traces/info": (bodies.OfTrace, traces.info),
        "traces/get": (bodies.OfTrace, traces.get),
        "traces/get-many": (bodies.Traces, traces.get_many),
        "traces/get-infos": (bodies.Traces, traces.get_infos),
        "traces/artifact": (bodies.OfTrace, traces.artifact),
        "traces/search": (bodies.SearchTraces, search.search),
        "traces/correlate": (bodies.Correlation, search.correlate),
        "assessments/get": (bodies.OfAssessment, assessments.get),
    }
    logs: Table = {
        "traces/start": (bodies.NewTrace, traces.start),
        "traces/end": (bodies.EndTrace, traces.end),
        "traces/log-spans": (bodies.LogSpans, spans.log),
        "traces/set-tag": (bodies.TraceTag, traces.set_tag),
        "traces/delete-tag": (bodies.TraceTag, traces.delete_tag),
        "traces/link-run": (bodies.LinkRun, traces.link_run),
        "traces/link-prompts": (bodies.LinkPrompts, traces.link_prompts),
        "assessments/create": (bodies.NewAssessment, assessments.create),
        "assessments/update": (bodies.UpdateAssessment, assessments.update),
        "assessments/delete": (bodies.OfAssessment, assessments.delete),
    }
    return reads, logs, {"traces/delete": (bodies.DeleteTraces, traces.delete)}
