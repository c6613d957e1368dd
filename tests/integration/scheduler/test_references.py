"""Parameters that name data: a run means what that was when it started, however it was started."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.errors import NotFound
from tests.integration.scheduler.conftest import failure, graph, step, success
from tests.integration.scheduler.test_triggers import deploy, runs_of

DATUM = "datum://01890a5d-ac96-774b-bcce-b302099a8057"


async def test_a_run_keeps_what_it_was_started_with(scheduler, eventually):
    s = await scheduler()
    s.data |= {"dataset://d/prod": "dataset://d/1", "datum://best": DATUM, "dataset://d/7": "dataset://d/7"}
    given = {
        "data": "dataset://d/prod", "deep": {"list": ["datum://best", "dataset://d/prod", 3], "text": "s3://b"},
        "fixed": "dataset://d/7", "alpha": 0.5,
    }  # fmt: skip
    worker = await s.worker(lambda a: success() if a["key"]["step"] == "start" else failure(retryable=False))
    run = await s.start(graph(step("start", "end"), step("end")), parameters=given)
    meant = {
        "data": "dataset://d/1", "deep": {"list": [DATUM, "dataset://d/1", 3], "text": "s3://b"},
        "fixed": "dataset://d/7", "alpha": 0.5,
    }  # fmt: skip
    assert MessageToDict((await s.run(run)).parameters) == meant
    await eventually(lambda: s.over(run))
    assert [a["parameters"] for a in worker.seen] == [meant, meant]

    s.data.clear()
    s.data["dataset://d/prod"] = "dataset://d/2"
    worker.behave = lambda a: success()
    # What the origin meant is gone by now, and still what a resume means.
    again = await s.start(graph(step("start", "end"), step("end")), parameters=meant, origin_run_id=run)
    assert MessageToDict((await s.run(again)).parameters) == meant
    await eventually(lambda: s.over(again))
    changed = await s.start(
        graph(step("start", "end"), step("end")), parameters=meant | {"data": "dataset://d/prod"}, origin_run_id=run
    )
    assert MessageToDict((await s.run(changed)).parameters) == meant | {"data": "dataset://d/2"}


async def test_data_that_is_not_there(scheduler):
    s = await scheduler()
    with pytest.raises(NotFound, match=r"parameters.data: version: no dataset://d/9") as error:
        await s.start(graph(step("start", "end"), step("end")), parameters={"a": 1, "data": ["dataset://d/9"]})
    assert (error.value.field, error.value.reason) == ("parameters.data", "DATASET_NOT_FOUND")
    assert not await runs_of(s, "F")


async def test_an_event_starts_a_flow_with_the_data_it_names(scheduler, bus, eventually):
    s = await scheduler()
    s.data |= {"dataset://d/3": "dataset://d/3", "dataset://base/prod": "dataset://base/4"}
    event = pb.EventTrigger(name="dataset.version_created", parameters={"data": "uri"}, filter={"name": "d"})
    given: Any = {"a": "dataset://gone/prod", "base": "dataset://base/prod"}
    await deploy(s, "Train", pb.Trigger(event=event), parameters=given)
    publisher = await bus.connect("artifact")
    headers = {"ce-type": "dataset.version_created.v1", "ce-source": "artifact", "ce-specversion": "1.0"}
    for number, name in enumerate(("other", "d")):
        body = {"project": "default", "name": name, "version": 3, "uri": f"dataset://{name}/3"}
        subject = f"hw.evt.v1.default.dataset.version_created.{name}"
        await publisher.publish(subject, json.dumps(body).encode(), headers | {"ce-id": str(number)})
    (run,) = await eventually(lambda: runs_of(s, "Train"))
    # What is not there is left for the step that reads it: nobody waits for an answer here.
    assert MessageToDict(run.parameters) == {
        "data": "dataset://d/3", "base": "dataset://base/4", "a": "dataset://gone/prod",
    }  # fmt: skip
    assert run.trigger.event_name == "dataset.version_created"
    await publisher.close()
