"""Events that start deployed flows: facts, the end of other flows, anything on hw.ext, the clock."""

import json
from typing import Any

import pytest

from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.errors import InvalidArgument, NotFound
from tests.integration.scheduler.conftest import CODE, failure, graph, step, success

ONE = graph(step("start", "end"), step("end"))


async def deploy(s: Any, flow: str, *triggers: pb.Trigger, **more: Any) -> pb.Deployment:
    shape = graph(step("start", "end"), step("end"))
    shape.flow = flow
    request = pb.DeployFlowRequest(project="default", graph=shape, code=CODE, triggers=triggers, **more)
    return (await s.client.DeployFlow(request)).deployment


async def runs_of(s: Any, flow: str) -> list[pb.Run]:
    return list((await s.client.ListRuns(pb.ListRunsRequest(project="default", flow=flow))).runs)


async def test_foreign_json_starts_a_flow_once_with_its_fields(scheduler, bus, eventually):
    s = await scheduler()
    event = pb.EventTrigger(name="data.arrived", parameters={"path": "file.uri"}, filter={"kind": "csv"})
    await deploy(s, "Ingest", pb.Trigger(event=event))
    publisher = await bus.connect("publisher-default")
    headers = {"ce-id": "1", "ce-type": "data.arrived", "ce-source": "test", "ce-specversion": "1.0"}
    body = {"file": {"uri": "s3://x"}, "kind": "csv"}
    for _ in range(2):
        await publisher.publish("hw.ext.default.data.arrived", json.dumps(body).encode(), headers)
    await publisher.publish("hw.ext.default.data.arrived", json.dumps(body | {"kind": "pdf"}).encode())
    await publisher.publish("hw.ext.default.data.arrived", json.dumps(body | {"file": {"uri": "s3://y"}}).encode())
    runs = await eventually(lambda: _at_least(s, "Ingest", 2))
    assert sorted(r.parameters["path"] for r in runs) == ["s3://x", "s3://y"]
    assert json.loads(runs[1].trigger.payload_json) == body
    assert (runs[1].trigger.event_name, runs[1].trigger.deployment) == ("data.arrived", "Ingest")
    await publisher.close()


async def _at_least(s: Any, flow: str, number: int) -> list[pb.Run]:
    runs = await runs_of(s, flow)
    return runs if len(runs) >= number else []


async def test_the_end_of_a_flow_starts_the_next(scheduler, eventually):
    s = await scheduler()
    await s.worker(lambda a: success())
    await deploy(s, "Report", pb.Trigger(finish=pb.FinishTrigger(flow="F")))
    first = await s.start(ONE)
    (report,) = await eventually(lambda: _at_least(s, "Report", 1))
    assert report.trigger.event_name == "run.succeeded"
    assert json.loads(report.trigger.payload_json)["runId"] == first
    await eventually(lambda: s.over(report.run_id))


async def test_the_end_of_a_run_starts_its_exit_hooks_once(scheduler, eventually):
    s = await scheduler()
    shape = graph(step("start", "end"), step("end"))
    shape.on_error.append("page_me")

    def behave(a: dict[str, Any]) -> Any:
        return None if "stuck" in a.get("tags", ()) else failure() if a["flow"] == "F" else success()

    await s.worker(behave)
    run_id = await s.start(shape, tags=["nightly"], parameters={"alpha": 1})
    (hooks,) = await eventually(lambda: _at_least(s, "F.exit_hook", 1))
    assert (await eventually(lambda: s.over(hooks.run_id))).state == pb.RUN_STATE_SUCCEEDED
    assert (await s.over(run_id)).state == pb.RUN_STATE_FAILED
    assert (hooks.trigger.event_name, json.loads(hooks.trigger.payload_json)["runId"]) == ("run.failed", run_id)
    assert (list(hooks.tags), dict(hooks.parameters), hooks.code) == (["nightly"], {"alpha": 1}, CODE)
    (task,) = await s.tasks(hooks.run_id)
    assert (task.key.step, task.pool) == ("_exit_hook", "default")
    quiet = graph(step("start", "end"), step("end"))
    quiet.on_success.append("celebrate")
    failed = await s.start(quiet)
    await eventually(lambda: s.over(failed))
    stopped = await s.start(shape, tags=["stuck"])
    await s.client.CancelRun(pb.CancelRunRequest(run_id=stopped))
    found = await eventually(lambda: _at_least(s, "F.exit_hook", 2))
    assert [json.loads(each.trigger.payload_json)["runId"] for each in found] == [stopped, run_id]


async def test_several_events_start_a_flow_once_all_have_happened(scheduler, bus, eventually):
    s = await scheduler()
    await s.worker(lambda a: success())
    data = pb.EventTrigger(name="data.arrived", parameters={"path": "uri"})
    both = pb.AllTrigger(of=[pb.Trigger(event=data), pb.Trigger(finish=pb.FinishTrigger(flow="F"))])
    await deploy(s, "Join", pb.Trigger(all=both))
    publisher = await bus.connect("publisher-default")
    for uri in ("s3://x", "s3://y"):
        await publisher.publish("hw.ext.default.data.arrived", json.dumps({"uri": uri}).encode())
    first = await s.start(ONE)
    (run,) = await eventually(lambda: _at_least(s, "Join", 1))
    assert run.parameters["path"] == "s3://y"
    assert {each.event_name for each in run.trigger.events} == {"data.arrived", "run.succeeded"}
    assert any(first in each.payload_json for each in run.trigger.events)
    second = await s.start(ONE)
    await eventually(lambda: s.over(second))
    assert len(await runs_of(s, "Join")) == 1
    await publisher.publish("hw.ext.default.data.arrived", json.dumps({"uri": "s3://z"}).encode())
    runs = await eventually(lambda: _at_least(s, "Join", 2))
    assert runs[0].parameters["path"] == "s3://z"
    await publisher.close()
    with pytest.raises(InvalidArgument, match="does not name several events"):
        await deploy(s, "Lone", pb.Trigger(all=pb.AllTrigger(of=[pb.Trigger(event=data)])))


async def test_branches_of_a_project_are_deployed_side_by_side(scheduler, eventually):
    s = await scheduler()
    await s.worker(lambda a: success())
    for branch in ("prod", "test.x"):
        tags = ["project:p", f"project_branch:{branch}"]
        wanted = pb.Trigger(finish=pb.FinishTrigger(flow="F", tags=tags))
        made = await deploy(s, "Report", wanted, name=f"p.{branch}.Report", tags=tags)
        assert (made.name, made.graph.flow, made.version) == (f"p.{branch}.Report", "Report", 1)
    await s.start(ONE)
    await s.start(ONE, tags=["project:p", "project_branch:prod", "more"])
    (report,) = await eventually(lambda: _at_least(s, "Report", 1))
    assert report.trigger.deployment == "p.prod.Report"
    assert "project_branch:prod" in report.tags
    await eventually(lambda: s.over(report.run_id))
    assert len(await runs_of(s, "Report")) == 1
    with pytest.raises(InvalidArgument, match="is not the name of a deployment"):
        await deploy(s, "Report", name="a/b")


async def test_a_malformed_event_ends_among_the_dead_letters(scheduler, bus, eventually):
    s = await scheduler()
    await deploy(s, "Ingest", pb.Trigger(event=pb.EventTrigger(name="data.arrived")))
    infra = await bus.connect("infra")
    letters: list[Any] = []

    async def keep(msg: Any) -> None:
        letters.append(msg)

    await infra.subscribe("hw.dlq.scheduler.>", keep)
    await infra.publish("hw.ext.default.data.arrived", b"{not json")
    (letter,) = await eventually(lambda: letters)
    assert "not JSON" in letter.headers["hw-error"]
    assert await runs_of(s, "Ingest") == []
    await infra.close()


async def test_a_clock_starts_what_is_due(scheduler, eventually):
    s = await scheduler()
    deployed = await deploy(s, "Nightly", pb.Trigger(cron=pb.CronTrigger(cron="0 3 * * *", timezone="Europe/Berlin")))
    assert deployed.version == 1
    await s.kit.database.execute("UPDATE deployments SET next_at = now() - interval '1 hour'")
    (run,) = await eventually(lambda: _at_least(s, "Nightly", 1))
    assert run.trigger.event_name == "schedule"
    following = await s.kit.database.fetchval("SELECT next_at > now() FROM deployments")
    assert following


async def test_deploying_again_makes_the_next_version_and_removing_ends_it(scheduler):
    s = await scheduler()
    await deploy(s, "Ingest")
    assert (await deploy(s, "Ingest")).version == 2
    request = pb.StartRunRequest(project="default", deployment="Ingest")
    assert (await s.client.StartRun(request)).run.flow == "Ingest"
    await s.client.DeleteDeployment(pb.DeleteDeploymentRequest(project="default", name="Ingest"))
    for call in (
        s.client.StartRun(request),
        s.client.DeleteDeployment(pb.DeleteDeploymentRequest(project="default", name="Ingest")),
    ):
        with pytest.raises(NotFound, match="no flow 'Ingest' is deployed"):
            await call


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        (pb.Trigger(cron=pb.CronTrigger(cron="every day")), "'every day' is no cron expression"),
        (pb.Trigger(cron=pb.CronTrigger(cron="0 3 * * *", timezone="Mars/Base")), "no time zone 'Mars/Base'"),
        (pb.Trigger(event=pb.EventTrigger()), "names no event|event.name is empty"),
        (pb.Trigger(finish=pb.FinishTrigger()), "names no event|finish.flow is empty"),
    ],
)
async def test_a_trigger_that_could_never_start_anything_is_refused(scheduler, trigger, message):
    s = await scheduler()
    with pytest.raises(InvalidArgument, match=message):
        await deploy(s, "Ingest", trigger)
