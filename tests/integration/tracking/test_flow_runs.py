"""A flow's run is a tracked run without any code: the scheduler's facts and what its tasks log make it, in any
order."""

import asyncio
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from headwater.api.common.v1 import common_pb2
from headwater.api.events.v1 import events_pb2
from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.clock import timestamp
from headwater_server.kit.ids import uuid7
from tests.integration.tracking.conftest import Tracking, nested_of

FINISHED, FAILED, KILLED = pb.TRACKED_RUN_STATE_FINISHED, pb.TRACKED_RUN_STATE_FAILED, pb.TRACKED_RUN_STATE_KILLED


async def known(tracking: Tracking, run_id: str, eventually: Any, **wanted: Any) -> pb.TrackedRun:
    async def found() -> pb.TrackedRun | None:
        listed = (await tracking.call("SearchTrackedRuns", filter=f"run_id = '{run_id}'")).runs
        run = listed[0] if listed else None
        return run if run and all(getattr(run, name) == value for name, value in wanted.items()) else None

    return await eventually(found, what=f"run {run_id} with {wanted}")


async def test_a_run_that_succeeds(tracking: Tracking, eventually: Any) -> None:
    parameters = Struct()
    parameters.update({"lr": 0.1, "epochs": 3, "deep": True, "name": "x"})
    trigger = common_pb2.TriggerSource(event_name="data.arrived", event_id="e1")
    run_id = await tracking.starts(parameters=parameters, tags=["nightly"], trigger=trigger, code_package="c1")
    run = await known(tracking, run_id, eventually, experiment="Train")
    assert run.state == pb.TRACKED_RUN_STATE_RUNNING and run.name
    assert run.params == {"lr": "0.1", "epochs": "3", "deep": "true", "name": "x"}
    assert run.tags["headwater.user"] == "ann" and run.tags["headwater.trigger"] == "data.arrived"
    await tracking.happens(events_pb2.RunSucceeded(run_id=run_id, project="default", flow="Train", at=timestamp()))
    run = await known(tracking, run_id, eventually, state=FINISHED)
    assert run.finished_at.ToNanoseconds() >= run.started_at.ToNanoseconds()
    await eventually(lambda: len(tracking.told) == 2)
    assert [subject for subject, _ in tracking.told] == [
        "hw.evt.v1.default.experiment.created.Train",
        f"hw.evt.v1.default.tracked_run.finished.{run_id}",
    ]
    assert tracking.told[1][1]["state"] == "TRACKED_RUN_STATE_FINISHED"


async def test_a_run_that_lives_again_and_gets_other_tags(tracking: Tracking, eventually: Any) -> None:
    run_id = await tracking.starts(tags=["nightly"])
    await known(tracking, run_id, eventually, experiment="Train")
    about = {"run_id": run_id, "project": "default", "flow": "Train"}
    await tracking.happens(events_pb2.RunFailed(**about, at=timestamp()))
    await known(tracking, run_id, eventually, state=FAILED)
    await tracking.happens(events_pb2.RunRevived(**about, at=timestamp()))
    run = await known(tracking, run_id, eventually, state=pb.TRACKED_RUN_STATE_RUNNING)
    assert not run.HasField("finished_at")
    await tracking.happens(events_pb2.RunTagsChanged(**about, at=timestamp(), tags=["a", "b"]))

    async def tags() -> bool:
        return (await known(tracking, run_id, eventually)).tags["headwater.tags"] == "a,b"

    await eventually(tags)
    await tracking.happens(events_pb2.RunSucceeded(**about, at=timestamp()))
    await known(tracking, run_id, eventually, state=FINISHED)


@pytest.mark.parametrize(("event", "state"), [(events_pb2.RunFailed, FAILED), (events_pb2.RunCancelled, KILLED)])
async def test_runs_that_end_otherwise(tracking: Tracking, eventually: Any, event: Any, state: int) -> None:
    run_id = await tracking.starts()
    await tracking.logs(run_id, ("loss", 1.0, 0), task="fit/3")
    nested = await known(tracking, nested_of(run_id, "fit/3"), eventually)
    await known(tracking, run_id, eventually, experiment="Train")
    await tracking.happens(event(run_id=run_id, project="default", flow="Train", at=timestamp()))
    await known(tracking, run_id, eventually, state=state)
    await known(tracking, nested.run_id, eventually, state=state)


async def test_the_end_may_come_before_the_start(tracking: Tracking, eventually: Any) -> None:
    run_id = uuid7()
    await tracking.happens(events_pb2.RunSucceeded(run_id=run_id, project="default", flow="Train", at=timestamp()))
    await known(tracking, run_id, eventually, state=FINISHED)
    parameters = Struct()
    parameters.update({"lr": 1})
    await tracking.starts(run_id, parameters=parameters)
    run = await known(tracking, run_id, eventually, params={"lr": "1"})
    assert (run.state, run.experiment) == (FINISHED, "Train")


async def test_metrics_may_come_before_the_start(tracking: Tracking, eventually: Any) -> None:
    """Also where the project's name is not a token of a subject, and with a task of a foreach among them."""
    run_id, project = uuid7(), "my project"
    mine = Identity(Actor("user", "ann"), "editor", project)
    await tracking.logs(run_id, ("loss", 0.5, 1), project=project)
    await tracking.logs(run_id, ("loss", 0.7, 1), project=project, task="fit/1")
    await eventually(lambda: tracking.stored(), what="points")
    await tracking.starts(run_id, project=project)

    async def healed() -> Any:
        listed = (await tracking.call("SearchTrackedRuns", mine)).runs
        return len(listed) == 2 and all(run.experiment == "Train" for run in listed) and listed

    await eventually(healed)
    assert [m.value for m in (await tracking.run(run_id, mine)).metrics] == [0.5]
    nested = await tracking.run(nested_of(run_id, "fit/1"), mine)
    assert (nested.project, nested.parent_run_id, nested.name) == (project, run_id, "fit[1]")
    await tracking.logs(run_id, ("loss", 0.4, 2), project=project)
    await eventually(lambda: _latest(tracking, run_id, mine, 0.4))
    assert tracking.dead == []


async def _latest(tracking: Tracking, run_id: str, who: Identity, value: float) -> bool:
    return [m.value for m in (await tracking.run(run_id, who)).metrics] == [value]


async def test_tasks_of_a_foreach_have_nested_runs(tracking: Tracking, eventually: Any) -> None:
    run_id = await tracking.starts()
    await known(tracking, run_id, eventually)
    for number in range(3):
        await tracking.logs(run_id, ("loss", float(number), 0), task=f"fit/{number}", params={"k": str(number)})
    await tracking.logs(run_id, ("best", 2.0, 0))
    await eventually(lambda: _stored(tracking, 4))
    listed = (await tracking.call("SearchTrackedRuns", parent_run_id=run_id, order_by=["metrics.loss"])).runs
    assert [(r.run_id, r.name, r.params["k"]) for r in listed] == [
        (nested_of(run_id, f"fit/{n}"), f"fit[{n}]", str(n)) for n in range(3)
    ]
    assert listed[1].tags == {"headwater.step": "fit", "headwater.task_id": "1"}
    assert {r.experiment for r in listed} == {"Train"}
    assert [m.key for m in (await tracking.run(run_id)).metrics] == ["best"]
    await tracking.happens(events_pb2.RunSucceeded(run_id=run_id, project="default", flow="Train", at=timestamp()))
    await known(tracking, listed[0].run_id, eventually, state=FINISHED)
    await tracking.logs(run_id, ("loss", 9.0, 0), task="fit/9")
    late = await known(tracking, nested_of(run_id, "fit/9"), eventually, name="fit[9]")
    assert late.state == FINISHED, "a nested run that comes after the end has ended too"


async def _stored(tracking: Tracking, number: int) -> bool:
    return await tracking.stored() == number


async def test_facts_that_are_sent_again_change_nothing(tracking: Tracking, eventually: Any) -> None:
    run_id = await tracking.starts()
    await asyncio.gather(*(tracking.starts(run_id) for _ in range(5)))
    done = events_pb2.RunSucceeded(run_id=run_id, project="default", flow="Train", at=timestamp())
    failed = events_pb2.RunFailed(run_id=run_id, project="default", flow="Train", at=timestamp())
    await tracking.happens(done)
    await tracking.happens(failed)
    await tracking.happens(done)
    other = await tracking.starts(flow="Other")  # a sign that those before it are handled, or nearly
    await known(tracking, other, eventually)
    run = await known(tracking, run_id, eventually, state=FINISHED)
    assert run.state == FINISHED
    finished = [subject for subject, _ in tracking.told if "tracked_run" in subject]
    assert finished == [f"hw.evt.v1.default.tracked_run.finished.{run_id}"]


async def test_a_fact_that_cannot_be_read_is_a_dead_letter(tracking: Tracking) -> None:
    await tracking.happens(events_pb2.RunStarted(run_id="not-a-uuid", project="default", flow="Train"))
    dead = await tracking.next_dead()
    assert dead.subject == "hw.evt.v1.default.run.started.not-a-uuid"
    assert "run_id: 'not-a-uuid' is not the id of a run" in dead.reason


async def test_many_runs_start_at_once(tracking: Tracking, eventually: Any) -> None:
    """More handlers at work than there are connections, each with names that were never logged before."""

    async def start(number: int) -> str:
        parameters = Struct()
        parameters.update({f"own-{number}-{n}": n for n in range(3)} | {"shared": number})
        return await tracking.starts(parameters=parameters)

    ids = await asyncio.gather(*(start(number) for number in range(40)))

    async def all_there() -> bool:
        return len((await tracking.call("SearchTrackedRuns")).runs) == len(ids)

    await eventually(all_there, 15)
    assert (await tracking.run(ids[7])).params["own-7-2"] == "2"
