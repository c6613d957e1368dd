"""Lineage on real servers: events in, one question out; rebuilt, emptied, and fed by a consumer that dies."""

import pytest

from headwater.api.artifact.v1 import lineage_pb2 as pb
from headwater.api.events.v1 import events_pb2
from headwater_server.kit.bus import StreamMessage
from headwater_server.kit.clock import timestamp
from headwater_server.kit.envelope import encode
from headwater_server.kit.errors import NotFound
from tests.integration.artifact.conftest import RUN
from tests.unit.artifact.lineage_events import CODE, OTHER, entry, manifest, started, succeeded, version

IDENTITIES = {"task": "scheduler", "run": "scheduler", "tracked_run": "tracking", "model": "registry"}


@pytest.fixture
def publish(bus):
    async def do(*events):
        for event in events:
            message = encode(event)
            identity = await bus.connect(IDENTITIES[message.subject.split(".")[4]])
            await identity.publish_atomic([StreamMessage(message.subject, message.body, message.id, message.headers)])

    return do


@pytest.fixture
def lineage(artifact):
    async def ask(node, project="default", **more):
        return await artifact.GetLineage(pb.GetLineageRequest(project=project, node=node, **more))

    return ask


UP, DOWN = pb.LINEAGE_DIRECTION_UPSTREAM, pb.LINEAGE_DIRECTION_DOWNSTREAM


def ids(answer):
    return {node.id.replace(RUN, "RUN").replace(OTHER, "OTHER") for node in answer.nodes}


async def test_one_question_from_an_alias_back_to_code_data_and_parameters(lineage, publish, eventually):
    model, data = entry("model" * 100), entry("data" * 100)
    await publish(
        started(parameters={"lr": 0.1, "unused": 1}),
        succeeded("start", manifest=manifest({"data": data}, reads={"parameters": [], "artifacts": {}})),
        succeeded(
            "train",
            manifest=manifest({"model": model}, {"data": data}, reads={"parameters": ["lr"], "artifacts": ["data"]}),
        ),
        version(run_id=RUN, step="train", task_id="0", artifact="model", digest=model["digest"]),
        events_pb2.ModelPromoted(
            project="default", name="churn", alias="champion", version=1, model_uid=7, at=timestamp()
        ),
    )
    answer = await eventually(lambda: _known(lineage, "models:/churn@champion", "code:", direction=UP))
    assert ids(answer) == {
        "models:/churn@champion",
        "models:/churn/1",
        f"sha256:{model['digest']}",
        f"F/RUN/model@sha256:{model['digest']}",
        f"F/RUN/data@sha256:{data['digest']}",
        "F/RUN/train/0",
        "F/RUN/start/0",
        "F/RUN/_parameters/lr",
        "F/RUN",
        f"code:sha256:{CODE}",
    }
    down = await lineage(f"sha256:{CODE}", direction=DOWN)
    assert "models:/churn@champion" in ids(down) and not down.truncated
    assert {n.attributes["value"] for n in answer.nodes if n.kind == "parameter"} == {0.1}


async def _known(lineage, node, beginning, **more):
    try:
        answer = await lineage(node, **more)
    except NotFound:
        return None
    return answer if any(each.id.startswith(beginning) for each in answer.nodes) else None
