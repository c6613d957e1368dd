"""Requests about traces as structs; the gateway has checked their shapes and read their times. Pure."""

from typing import Any

import msgspec

from headwater_server.tracking.mlflow.bodies import Int64


class Assessment(msgspec.Struct):
    """type: feedback, expectation or issue; value: any JSON; assessment_id: "" to get one."""

    name: str
    type: str
    value: Any
    source_type: str
    created_ms: Int64
    updated_ms: Int64
    assessment_id: str = ""
    error: dict[str, Any] | None = None
    source_id: str | None = None
    span_id: str | None = None
    rationale: str | None = None
    metadata: dict[str, str] = {}
    overrides: str | None = None
    valid: bool = True


class NewTrace(msgspec.Struct):
    """trace_id: "" to get one."""

    experiment_id: str
    trace_id: str = ""
    state: str = "STATE_UNSPECIFIED"
    started_ms: Int64 = 0
    duration_ms: Int64 | None = None
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    assessments: list[Assessment] = []
    # As MLflow before 3.0 makes them: to be ended later, answered in its words.
    legacy: bool = False


class EndTrace(msgspec.Struct):
    trace_id: str
    ended_ms: Int64
    state: str
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}


class OfTrace(msgspec.Struct):
    trace_id: str
    allow_partial: bool = False
    legacy: bool = False


class TraceTag(msgspec.Struct):
    trace_id: str
    key: str
    value: str = ""


class Traces(msgspec.Struct):
    """experiment_ids: None for any."""

    trace_ids: list[str]
    experiment_ids: list[str] | None = None


class DeleteTraces(msgspec.Struct):
    experiment_id: str
    max_timestamp_millis: Int64 | None = None
    max_traces: Int64 | None = None
    request_ids: list[str] = []


class LinkRun(msgspec.Struct):
    trace_ids: list[str]
    run_id: str


class LinkPrompts(msgspec.Struct):
    """prompts: name/version."""

    trace_id: str
    prompts: list[str]


class SearchTraces(msgspec.Struct):
    experiment_ids: list[str]
    filter: str = ""
    max_results: int = 100
    order_by: list[str] = []
    page_token: str = ""
    legacy: bool = False


class Correlation(msgspec.Struct):
    experiment_ids: list[str]
    filter_string1: str
    filter_string2: str
    base_filter: str = ""


class Span(msgspec.Struct):
    """content: the span in MLflow's JSON, its attributes JSON in texts."""

    trace_id: str
    span_id: str
    name: str
    status: str
    start_ns: Int64
    content: dict[str, Any]
    parent_id: str | None = None
    type: str | None = None
    end_ns: Int64 | None = None


class LogSpans(msgspec.Struct):
    """resources: per trace what OpenTelemetry's resource says of its maker, as tags."""

    experiment_id: str
    spans: list[Span]
    resources: dict[str, dict[str, str]] = {}
    run_id: str = ""


class NewAssessment(msgspec.Struct):
    trace_id: str
    assessment: Assessment


class OfAssessment(msgspec.Struct):
    trace_id: str
    assessment_id: str


class UpdateAssessment(msgspec.Struct):
    """What is None stays."""

    trace_id: str
    assessment_id: str
    name: str | None = None
    type: str | None = None
    value: Any = None
    error: dict[str, Any] | None = None
    rationale: str | None = None
    metadata: dict[str, str] | None = None
    valid: bool | None = None
