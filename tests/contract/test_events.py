"""Every event as it is published, against a golden file: subject, headers and body. Consumers in any language rely on
these; a golden changes only by fields that are added."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from headwater.api.artifact.v1 import artifact_pb2, datasets_pb2
from headwater.api.common.v1 import common_pb2
from headwater.api.events.v1 import events_pb2
from headwater.api.options.v1 import options_pb2
from headwater_server.artifact import facts as data
from headwater_server.artifact.datasets import messages as datasets
from headwater_server.kit.auth import Actor
from headwater_server.kit.clock import timestamp
from headwater_server.kit.envelope import Envelope, OutMessage, encode
from headwater_server.registry import facts as models
from headwater_server.registry.promotions import Move
from headwater_server.scheduler import facts as tasks
from headwater_server.scheduler.assignments import RunInfo
from headwater_server.scheduler.graph import Plan
from headwater_server.scheduler.keys import Key

GOLDENS = Path(__file__).parent / "events"
AT = datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)
BEGAN = datetime(2026, 1, 2, 3, 4, 0, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
RUN, ORIGIN = "0194252c-8000-7000-8000-000000000001", "0194252c-8000-7000-8000-000000000002"
FAILURE = {
    "code": "USER_ERROR",
    "message": "division by zero",
    "traceback": "Traceback …",
    "hint": "Check the divisor.",
    "retryable": True,
    "exceptionType": "builtins.ZeroDivisionError",
}
TRIGGER = {
    "eventId": "HW_EXT:7",
    "eventName": "data.arrived",
    "eventSubject": "hw.ext.acme.data.arrived",
    "eventTime": "2026-01-02T03:03:59Z",
    "payloadJson": '{"uri":"s3://x"}',
    "deployment": "Train",
}
LOCK = "ef" * 32
MODEL = f"m-{'1' * 32}"
USER = Actor("user", "ada", RUN)
ACTOR = {"kind": "user", "name": "ada", "runId": RUN}
KEY = Key(RUN, "fit", (2, 0, 3))
CARD = artifact_pb2.Card(
    key=common_pb2.TaskKey(run_id=RUN, step="fit", path="2.0", index=3), task_id="2.0.3", attempt=2, slot="1",
    id="loss", type="blank", digest="cd" * 32, sequence=7, final=True,
)  # fmt: skip

DATASET = datasets_pb2.DatasetVersion(
    project="acme", dataset="digits", version=3, name="november", uri="dataset://digits/3", files=2, size=1234,
    digest="cd" * 32, description="digits of november", tags={"kind": "images"}, aliases=["production"],
    sources=[datasets_pb2.DatasetSource(uri="dataset://digits/2", files=1), datasets_pb2.DatasetSource(uri="s3://b/x")],
    run_id=RUN, step="fit", task_id="2.0.3", created_at=timestamp(AT),
    created_by=common_pb2.Actor(kind="user", name="ada", run_id=RUN),
)  # fmt: skip


def alias_row(number: int, previous: int) -> dict[str, Any]:
    return {
        "alias": "production", "number": number, "previous": previous, "reason": "better", "at": AT,
        "actor": {"kind": "user", "name": "ada", "run_id": RUN},
    }  # fmt: skip


def declared() -> dict[str, Any]:
    """Event type → its message."""
    found = {}
    for message in events_pb2.DESCRIPTOR.message_types_by_name.values():
        rule = message.GetOptions().Extensions[options_pb2.event]  # type: ignore[index]
        if rule.type:
            found[rule.type] = message
    return found


def info(**more: Any) -> RunInfo:
    values: dict[str, Any] = {
        "run_id": RUN,
        "project": "acme",
        "flow": "Train",
        "plan": Plan(
            {"steps": [{"name": "start", "next": ["end"], "transition": "LINEAR", "environment": {"lock": LOCK}}, END]}
        ),
        "code": {"package": "ab" * 32, "entrypoint": "train.py", "flowClass": "Train"},
        "parameters": {"alpha": 0.5, "names": ["a", "b"], "deep": {"none": None, "yes": True}},
        "tags": ["nightly"],
        "priority": 0,
        "max_workers": 0,
        "created_by": ACTOR,
        "role": "editor",
        "traceparent": TRACE,
        "origin_run_id": ORIGIN,
        "trigger": TRIGGER,
        "deployment": "Train",
    }
    return RunInfo(**values | more)


END = {"name": "end", "transition": "END"}


def published() -> dict[str, OutMessage]:
    run, actor = info(), common_pb2.Actor(kind="user", name="ada", run_id=RUN)
    origin = {"runId": RUN, "step": "fit", "taskId": "3", "artifact": "model", "codePackage": "ab" * 32}
    created = {"digest": "cd" * 32, "metrics": {"accuracy": 0.97}, "lineage": origin}
    created |= {"logged_model": MODEL, "source": "runs:/1/model"}
    about = {"name": "churn", "run_id": RUN, "experiment_id": "12", "model_type": "sklearn"}
    promoted = Move("production", previous=6, version=7, reason="better", metrics={"accuracy": 0.97}, actor=USER)
    removed = Move("production", previous=7, version=0, reason="worse", metrics={}, actor=USER)
    messages: list[Message] = [
        events_pb2.FlowDeployed(
            project="acme",
            flow="Train",
            version=3,
            at=timestamp(AT),
            actor=actor,
            deployment="nightly",
            code_package="ab" * 32,
            locks=[LOCK],
        ),
        events_pb2.FlowUndeployed(project="acme", flow="Train", at=timestamp(AT), actor=actor),
        events_pb2.ExperimentCreated(project="acme", name="churn", experiment_id="12", at=timestamp(AT)),
        events_pb2.TrackedRunFinished(
            run_id=RUN,
            project="acme",
            experiment="churn",
            state="FINISHED",
            at=timestamp(AT),
            metrics={"loss": 0.25},
            params={"lr": "0.1"},
            input_models=[MODEL],
            output_models=[MODEL],
            datasets=[
                common_pb2.TrackedDataset(
                    name="iris", digest="1f", source_type="local", source="iris.csv", context="training"
                )
            ],
            source_name="train.py",
            source_version="c0ffee",
            parent_run_id=ORIGIN,
        ),
        events_pb2.TrackedRunDeleted(
            run_id=RUN, project="acme", experiment="churn", at=timestamp(AT), actor=actor, reason="too old"
        ),
        data.card_updated("acme", CARD, AT),
        datasets.version_created(DATASET),
        datasets.alias_moved("acme", "digits", alias_row(3, 2)),
        datasets.alias_moved("acme", "digits", alias_row(0, 3)),
        datasets.version_deleted("acme", "digits", 3, USER, AT),
        datasets.deleted("acme", "digits", USER, AT),
        models.created("acme", "churn", USER, AT),
        models.updated("acme", "churn", 7, "predicts churn", {"team": "crm"}, USER, AT),
        models.version_created("acme", "churn", 7, created, USER, AT, 5),
        models.logged("acme", MODEL, about, USER, AT),
        models.moved("acme", "churn", promoted, AT, 5),
        models.moved("acme", "churn", removed, AT, 5),
        models.renamed("acme", "churn", "leavers", USER, AT, 5),
        models.deleted("acme", "churn", USER, AT, 5),
        models.version_deleted("acme", "churn", 7, USER, AT, 5),
        models.stage_changed("acme", "churn", 7, "Production", "Staging", USER, AT),
    ]
    more = {"failure": FAILURE, "step": "fit", "taskId": KEY.task_id}
    found = [
        tasks.run_started(run, AT, 1),
        tasks.run_over("run.succeeded", run, AT, 9, BEGAN),
        tasks.run_over("run.failed", run, AT, 9, BEGAN, **more),
        tasks.run_over("run.cancelled", run, AT, 9, BEGAN, reason="no longer needed", actor=ACTOR),
        tasks.run_deleted(run, AT, actor=ACTOR, reason="too old", heirs=[ORIGIN]),
        tasks.run_revived(run, AT, 10),
        tasks.tags_changed(run, AT, ["nightly", "old"], ["nightly", "new"], 3),
        tasks.task_started(run, KEY, 2, AT, 4, "node-1"),
        tasks.task_succeeded(
            run,
            KEY,
            2,
            AT,
            5,
            result=b'{"v":1}',
            started_at=BEGAN,
            foreach_width=8,
            origin_run_id=ORIGIN,
            inputs=[(Key(RUN, "load", (2, 0, 3)), False), (Key(RUN, "split", (2, 0)), True)],
            depth=3,
        ),
        tasks.task_failed(run, KEY, 2, AT, 5, failure=FAILURE, will_retry=True),
        *(encode(message, TRACE) for message in messages),
    ]
    return {kind_of(message): message for message in found}


def kind_of(message: OutMessage) -> str:
    return message.headers["ce-type"].removesuffix(".v1")


PUBLISHED = published()


def test_every_event_has_a_golden_and_every_golden_an_event():
    assert set(PUBLISHED) == set(declared())
    assert {path.stem for path in GOLDENS.iterdir()} == set(declared())


@pytest.mark.parametrize("kind", declared())
def test_an_event_is_published_as_its_golden_says(kind):
    message = PUBLISHED[kind]
    headers = dict(message.headers)
    assert headers.pop("ce-id") == headers.pop("Nats-Msg-Id") == message.id
    assert datetime.fromisoformat(headers.pop("ce-time")).tzinfo is not None
    told = {"subject": message.subject, "headers": headers, "body": json.loads(message.body)}
    assert told == json.loads((GOLDENS / f"{kind}.json").read_text()), json.dumps(told, indent=2)


@pytest.mark.parametrize("kind", declared())
def test_a_golden_is_the_proto_in_full(kind):
    """Strictly: no unknown field, every field of the message once, values in their canonical form."""
    golden, message = json.loads((GOLDENS / f"{kind}.json").read_text()), declared()[kind]
    assert set(golden["body"]) == {field.json_name for field in message.fields}
    parsed = ParseDict(golden["body"], GetMessageClass(message)())
    assert MessageToDict(parsed) == golden["body"]
    rule = message.GetOptions().Extensions[options_pb2.event]  # type: ignore[index]
    assert golden["subject"] == f"hw.evt.v1.acme.{kind}.{getattr(parsed, rule.subject_field)}"
    assert golden["headers"]["ce-source"] == rule.source


@pytest.mark.parametrize("kind", declared())
def test_a_consumer_reads_what_was_published(kind):
    message = PUBLISHED[kind]
    event = Envelope.decode(message.subject, message.headers, message.body)
    assert (event.id, event.type, event.project, event.traceparent) == (message.id, kind, "acme", TRACE)
    assert event.data == json.loads(message.body)


def test_what_is_not_there_is_left_out():
    """The events that are built by hand, with as little as can be: still those of the proto."""
    bare = info(parameters={}, tags=[], origin_run_id="", trigger=None, traceparent="", created_by={"kind": "user"})
    key = Key(RUN, "start", ())
    for message in (
        tasks.run_started(bare, AT, 1),
        tasks.run_over("run.succeeded", bare, AT, 2, AT),
        tasks.run_over("run.failed", bare, AT, 2, AT, failure={}, step="start", taskId="0"),
        tasks.run_over("run.cancelled", bare, AT, 2, AT, reason="", actor={}),
        tasks.run_deleted(bare, AT, actor={}),
        tasks.task_started(bare, key, 1, AT, 2),
        tasks.task_succeeded(bare, key, 0, AT, 2, result=b""),
        tasks.task_failed(bare, key, 1, AT, 2, failure={}, will_retry=False),
    ):
        assert "traceparent" not in message.headers
        body = json.loads(message.body)
        ParseDict(body, GetMessageClass(declared()[kind_of(message)])())
        assert not {"path", "index", "worker", "manifestJson", "foreachWidth", "originRunId", "trigger"} & set(body)


def test_a_manifest_that_is_too_large_for_an_event_is_left_out():
    fits, large = (b'"' + b"x" * size + b'"' for size in (tasks.MANIFEST_MAX - 2, tasks.MANIFEST_MAX - 1))
    for result, told in ((fits, True), (large, False)):
        body = json.loads(tasks.task_succeeded(info(), KEY, 1, AT, 1, result=result).body)
        assert ("manifestJson" in body) is told


def test_names_are_tokens_of_the_subject_and_whole_in_the_body():
    message = encode(models.created("acme", "churn v2.*", USER, AT))
    assert message.subject == "hw.evt.v1.acme.model.created.churn_v2__"
    assert json.loads(message.body)["name"] == "churn v2.*"
