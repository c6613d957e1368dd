"""Keys that MLflow gives a meaning in tags, metadata and span attributes, and what they may hold. Pure."""

import re

from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.tracking.mlflow import checks
from headwater_server.tracking.mlflow.bodies import Pair

NAME, LOCATION = "mlflow.traceName", "mlflow.trace.spansLocation"
ARTIFACTS, PROMPTS = "mlflow.artifactLocation", "mlflow.linkedPrompts"
ARCHIVE, ARCHIVAL_FAILURE = "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"
SESSION, USER, RUN = "mlflow.trace.session", "mlflow.trace.user", "mlflow.sourceRun"
USAGE, COST, SIZES = "mlflow.trace.tokenUsage", "mlflow.trace.cost", "mlflow.trace.sizeStats"
SPAN_USAGE, SPAN_COST = "mlflow.chat.tokenUsage", "mlflow.llm.cost"
SPAN_INPUTS, SPAN_OUTPUTS, SPAN_TYPE = "mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.spanType"
TAG_ATTRIBUTE = "mlflow.traceTag."
HERE = "TRACKING_STORE"
STATES = ("STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS")
MAX_VALUE, MAX_PREVIEW, MAX_ENTRIES = 8000, 1000, 1000
MAX_LINKS = 100
_TRACE_ID = re.compile(r"[\w\-.:]{1,100}\Z", re.ASCII)
_KEPT = {"set": (LOCATION, ARCHIVE, ARCHIVAL_FAILURE), "deleted": (LOCATION, ARCHIVE)}


def check_trace_id(trace: str, field: str = "trace_id") -> str:
    if not _TRACE_ID.match(trace):
        raise checks.invalid(field, trace)
    return trace


def check_tags(tags: dict[str, str]) -> dict[str, str]:
    _check_count(tags, "tags")
    return dict(checks.check_tag(Pair(key, value), "") for key, value in tags.items())


def check_metadata(metadata: dict[str, str]) -> dict[str, str]:
    _check_count(metadata, "trace_metadata")
    for key in metadata:
        if not key or len(key) > checks.MAX_KEY or not key.isprintable():
            raise checks.invalid("trace_metadata", key)
    if len(metadata.get(SESSION, "")) > checks.MAX_KEY:
        raise checks.too_long("Session ID", checks.MAX_KEY)
    return {key: value.replace("\0", "")[:MAX_VALUE] for key, value in metadata.items()}


def _check_count(entries: dict[str, str], what: str) -> None:
    if len(entries) > MAX_ENTRIES:
        raise InvalidArgument(f"A trace can have at most {MAX_ENTRIES} {what}. Got {len(entries)}.", field=what)


def check_mutable(key: str, how: str) -> None:
    if key in _KEPT[how]:
        raise InvalidArgument(f"Tag '{key}' is immutable and cannot be {how} on a trace.", field="key")


def preview(text: str | None) -> str | None:
    if text is None or len(text) <= MAX_PREVIEW:
        return text
    return f"{text[: MAX_PREVIEW - 3]}..."


def no_trace(trace: str) -> NotFound:
    return NotFound(f"Trace with ID '{trace}' not found.")
