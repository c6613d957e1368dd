"""Traces and what is said of them, by the client and the fluent API of mlflow; says as JSON what it saw."""

import contextlib
import json
import sys

import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, SpanType
from mlflow.exceptions import MlflowException

name = sys.argv[1]
client = MlflowClient()
said: dict = {"refused": {}}


def refused(what, call, *arguments, **more):
    try:
        call(*arguments, **more)
    except MlflowException as error:
        said["refused"][what] = [error.error_code, str(error)]


exp = mlflow.set_experiment(name).experiment_id


@mlflow.trace(span_type=SpanType.CHAIN, attributes={"team": "a"})
def answer(question):
    with mlflow.start_span("llm", span_type=SpanType.LLM) as span:
        span.set_inputs({"messages": [{"role": "user", "content": question}]})
        span.set_attribute("model", "gpt-x")
        span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
        span.set_outputs({"n": [1, 2.5, None, True]})
    if question == "fail":
        raise ValueError("no answer")
    mlflow.update_current_trace(tags={"asked": question}, metadata={"mlflow.trace.session": "s1"})
    return question.upper()


with mlflow.start_run() as run:
    answer("höw")
    first = mlflow.get_last_active_trace_id()
with contextlib.suppress(ValueError):
    answer("fail")
failed = mlflow.get_last_active_trace_id()
answer("why")
third = mlflow.get_last_active_trace_id()
mlflow.flush_trace_async_logging()

got = mlflow.get_trace(first)
root, child = got.data.spans
said["trace"] = [
    got.info.state.value, got.info.experiment_id == exp, got.info.request_preview, got.info.response_preview,
    got.info.tags["mlflow.traceName"], got.info.tags["asked"],
    got.info.trace_metadata["mlflow.sourceRun"] == run.info.run_id, got.info.token_usage,
    got.info.execution_duration is not None,
]  # fmt: skip
said["spans"] = [
    root.name, root.span_type, root.inputs, root.outputs, root.get_attribute("team"), child.parent_id == root.span_id,
    child.outputs, child.get_attribute("model"), child.status.status_code.value,
]  # fmt: skip
said["where"] = got.info.tags["mlflow.trace.spansLocation"]
bad = mlflow.get_trace(failed)
said["failed"] = [bad.info.state.value, bad.data.spans[0].status.status_code.value, bad.data.spans[0].events[0].name]

# By the client: spans of which each is made and ended by hand.
made = client.start_trace("by-hand", inputs={"x": 1}, tags={"kind": "hand"}, experiment_id=exp)
part = client.start_span("part", trace_id=made.trace_id, parent_id=made.span_id, inputs={"y": 2})
client.end_span(made.trace_id, part.span_id, outputs={"z": 3})
client.end_trace(made.trace_id, outputs={"done": True})
mlflow.flush_trace_async_logging()
hand = client.get_trace(made.trace_id)
said["by hand"] = [hand.info.tags["kind"], [s.name for s in hand.data.spans], hand.data.spans[0].outputs]

# Tags
client.set_trace_tag(first, "t", "1")
client.set_trace_tag(first, "t", "2")
client.set_trace_tag(third, "gone", "1")
client.delete_trace_tag(third, "gone")
said["tags"] = [mlflow.get_trace(first).info.tags["t"], "gone" in mlflow.get_trace(third).info.tags]
refused("no tag", client.delete_trace_tag, third, "gone")
refused("no trace", client.get_trace, "tr-" + "0" * 32)
refused("tag of none", client.set_trace_tag, "tr-" + "0" * 32, "a", "b")

# Assessments
judge = AssessmentSource("LLM_JUDGE", "judge-1")
good = mlflow.log_feedback(
    trace_id=first, name="correct", value=True, source=judge, rationale="it is", metadata={"a": "b"}
)
score = mlflow.log_feedback(trace_id=third, name="score", value=0.75, span_id=root.span_id)
mlflow.log_feedback(trace_id=third, name="failed", error=ValueError("judge is away"))
want = mlflow.log_expectation(trace_id=first, name="want", value={"answer": ["HOW"], "n": 1})
found = mlflow.get_assessment(first, good.assessment_id)
said["feedback"] = [
    found.name,
    found.value,
    found.source.source_type,
    found.source.source_id,
    found.rationale,
    found.metadata,
]
said["expectation"] = mlflow.get_assessment(first, want.assessment_id).value
changed = mlflow.entities.Feedback(name="correct", value=False, rationale="it is not")
mlflow.update_assessment(first, good.assessment_id, changed)
better = mlflow.override_feedback(trace_id=first, assessment_id=good.assessment_id, value="maybe", rationale="hm")
of_first = {a.assessment_id: a for a in mlflow.get_trace(first).info.assessments}
said["updated"] = [
    of_first[good.assessment_id].value,
    of_first[good.assessment_id].valid,
    of_first[better.assessment_id].value,
]
mlflow.delete_assessment(first, better.assessment_id)
said["deleted"] = [
    mlflow.get_assessment(first, good.assessment_id).valid,
    len(mlflow.get_trace(first).info.assessments),
]
error = next(a for a in mlflow.get_trace(third).info.assessments if a.name == "failed")
said["error"] = [error.feedback.error.error_code, error.feedback.error.error_message, error.feedback.value]
refused("no assessment", mlflow.get_assessment, first, "a-none")
refused("of no trace", mlflow.log_feedback, trace_id="tr-" + "1" * 32, name="x", value=1)

# Search
labels = {first: "first", failed: "failed", third: "third", made.trace_id: "hand"}


def search(text="", *order, **more):
    found = client.search_traces(locations=[exp], filter_string=text, order_by=list(order) or ["timestamp_ms"], **more)
    return [labels[t.info.trace_id] for t in found]


filters = [
    "status = 'ERROR'", "trace.status = 'OK' AND tags.asked = 'why'", "tags.asked LIKE 'h%'", "name = 'by-hand'",
    f"run_id = '{run.info.run_id}'", "span.name = 'llm' AND span.status = 'OK'", "span.attributes.model LIKE '%gpt%'",
    "metadata.`mlflow.trace.session` = 's1'", "feedback.correct = 'false'", "feedback.score > 0.5",
    "expectation.want IS NOT NULL", "trace.text ILIKE '%HÖW%'", "execution_time_ms < 0", "tags.kind RLIKE '^ha.d$'",
    f"request_id IN ('{failed}')", "tags.asked IS NULL", "span.type = 'CHAIN' AND timestamp_ms > 1",
    "feedback.score = '0.75'",
]  # fmt: skip
said["found"] = {text.replace(run.info.run_id, "RUN").replace(failed, "FAILED"): search(text) for text in filters}
said["ordered"] = [search("", "timestamp_ms DESC"), search("", "name", "timestamp_ms")]
pages = [client.search_traces(locations=[exp], max_results=3, order_by=["timestamp_ms"])]
while pages[-1].token:
    pages.append(
        client.search_traces(locations=[exp], max_results=3, order_by=["timestamp_ms"], page_token=pages[-1].token)
    )
said["pages"] = [[labels[t.info.trace_id] for t in page] for page in pages]
said["frame"] = len(mlflow.search_traces(locations=[exp], include_spans=False))
refused("filter", client.search_traces, locations=[exp], filter_string="status > 'OK'")
refused("order", client.search_traces, locations=[exp], order_by=["text"])
refused("too many", client.search_traces, locations=[exp], max_results=501)

# Links and deletion
linked = client.create_run(exp).info.run_id
client.link_traces_to_run([third, first], linked)
said["linked"] = search(f"run_id = '{linked}'")
refused("many links", client.link_traces_to_run, [first] * 101, linked)
said["gone"] = [
    client.delete_traces(exp, trace_ids=[failed]),
    client.delete_traces(exp, max_timestamp_millis=2**45, max_traces=1),
]
said["left"] = search()
refused("nothing to delete", client.delete_traces, exp, max_timestamp_millis=1, trace_ids=["x"])
refused("deleted one", client.get_trace, failed)
print(json.dumps(said))
