"""Artifacts of tasks that succeeded, from their events to a list that can be filtered."""

import hashlib
import json
import uuid

import msgspec
import pytest

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater.api.events.v1 import events_pb2
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.bus import StreamMessage
from headwater_server.kit.clock import timestamp
from headwater_server.kit.envelope import encode
from headwater_server.kit.errors import InvalidArgument, NotFound
from tests.integration.artifact.conftest import RUN


def entry(text, **more):
    return {"type": "str", "encoding": "pickle5", "size": len(text), "digest": sha(text), **more}


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def manifest(**values):
    artifacts = {name: entry(text) for name, text in values.items()}
    return json.dumps({"v": 1, "artifacts": artifacts | {"inherited": entry("old")}, "new": list(values)})


def succeeded(step="train", task_id="0", run=RUN, project="default", attempt=1, **more):
    index = int(task_id.rpartition(".")[2] or 0)
    more = {"manifest_json": manifest(model="m")} | more
    return events_pb2.TaskSucceeded(
        run_id=run, project=project, flow="F", step=step, index=index, task_id=task_id, attempt=attempt,
        at=timestamp(), **more,
    )  # fmt: skip


@pytest.fixture
def publish(bus):
    async def do(*events):
        scheduler = await bus.connect("scheduler")
        messages = [encode(event) for event in events]
        for start in range(0, len(messages), 500):
            part = messages[start : start + 500]
            await scheduler.publish_atomic([StreamMessage(m.subject, m.body, m.id, m.headers) for m in part])

    return do


@pytest.fixture
def listed(artifact):
    async def do(project="default", **filters):
        request = pb.ListArtifactsRequest(project=project, page_size=1000, **filters)
        return (await artifact.ListArtifacts(request)).artifacts

    return do


async def test_made_artifacts_are_listed_and_filtered(artifact, publish, listed, eventually):
    other = str(uuid.uuid4())
    await publish(
        succeeded("start", manifest_json=manifest(x="1")),
        succeeded("train", "3", manifest_json=manifest(model="m", loss="l")),
        succeeded("train", "0", run=other),
        succeeded("train", "0", project="elsewhere"),
    )

    async def names(**filters):
        return sorted((a.key.step, a.name) for a in await listed(**filters))

    await eventually(lambda: _count(listed, 4))
    assert await names(run_id=RUN) == [("start", "x"), ("train", "loss"), ("train", "model")]
    assert await names(run_id=RUN, step="train", task_id="3") == [("train", "loss"), ("train", "model")]
    assert await names(name="model") == [("train", "model")] * 2
    assert await names(digest=sha("l")) == [("train", "loss")]
    assert await names(step="nope") == []
    (loss,) = await listed(name="loss")
    assert (loss.key.run_id, loss.key.index, loss.task_id, loss.attempt, loss.flow) == (RUN, 3, "3", 1, "F")
    assert (loss.digest, loss.size, loss.type, loss.encoding) == (sha("l"), 1, "str", "pickle5")


async def _count(listed, number, **filters):
    found = len(await listed(**filters))
    assert found >= number, found
    return found == number


async def test_a_redelivered_event_changes_nothing(publish, listed, eventually):
    await publish(succeeded(), succeeded(), succeeded(step="end"))
    await eventually(lambda: _count(listed, 1, step="end"))
    assert len(await listed()) == 2


async def test_manifests_that_were_too_large_to_travel(publish, listed, send, scheduler, eventually):
    scheduler.servicer.results[RUN, "asked", "0"] = manifest(a="1").encode()
    large = manifest(**{f"n{n}": str(n) for n in range(300)})
    reference = json.dumps({"v": 1, "manifest": await send(large.encode()), "size": len(large), "count": 300})
    await publish(succeeded("asked", manifest_json=""), succeeded("large", manifest_json=reference))
    await eventually(lambda: _count(listed, 301))
    assert len(await listed(step="large")) == 300


async def test_what_cannot_be_read_becomes_a_dead_letter(bus, artifact, publish, listed, eventually):
    foreign = json.dumps({"v": 1, "manifest": sha("of another project")})
    await publish(
        succeeded("bad", manifest_json="{"),
        succeeded("bad", run="not-a-run"),
        succeeded("bad", manifest_json=foreign),
        succeeded("good"),
    )
    await eventually(lambda: _count(listed, 1))
    gateway = await bus.connect("gateway")

    async def dead():
        answer = await gateway.request("$JS.API.STREAM.INFO.HW_DLQ", b"")
        return msgspec.json.decode(answer.data)["state"]["messages"] == 6  # for the index and for lineage

    await eventually(dead)


async def test_pages_hold_every_artifact_once(artifact, publish, listed, eventually):
    await publish(*(succeeded("body", str(n)) for n in range(2500)))
    seen, token = [], ""
    # Counted first: the newest come first, so a page token would not see what is indexed later.
    await eventually(lambda: _last(listed, 2500), timeout=20)
    while True:
        page = await artifact.ListArtifacts(
            pb.ListArtifactsRequest(project="default", run_id=RUN, page_size=700, page_token=token)
        )
        seen += [a.task_id for a in page.artifacts]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == 2500 == len(set(seen))
    with pytest.raises(InvalidArgument, match="another question"):
        page = await artifact.ListArtifacts(pb.ListArtifactsRequest(project="default", run_id=RUN, page_size=1))
        await artifact.ListArtifacts(pb.ListArtifactsRequest(project="default", page_token=page.next_page_token))


async def _last(listed, width):
    return all([await listed(task_id=str(n)) for n in (0, width // 2, width - 1)])


async def test_short_ids_are_asked_of_the_scheduler_on_behalf_of_the_caller(artifact, publish, scheduler, listed):
    viewer = Identity(Actor("user", "eve"), "viewer", "default")
    await artifact.ListArtifacts(pb.ListArtifactsRequest(run_id="latest"), on_behalf=viewer)
    assert scheduler.servicer.asked == [("latest", "default", "viewer")]
    with pytest.raises(NotFound):
        await artifact.ListArtifacts(pb.ListArtifactsRequest(project="other"), on_behalf=viewer)


@pytest.mark.parametrize(
    ("filters", "field"),
    [({"digest": "x"}, "digest"), ({"page_size": -1}, "page_size"), ({"page_token": "%"}, "page_token"),
     ({"name": "n" * 2000}, "name")],
)  # fmt: skip
async def test_bad_lists_name_the_field(artifact, filters, field):
    with pytest.raises(InvalidArgument) as caught:
        await artifact.ListArtifacts(pb.ListArtifactsRequest(project="default", **filters))
    assert caught.value.field == field
