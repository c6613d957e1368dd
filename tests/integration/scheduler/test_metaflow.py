"""Runs that a Metaflow client executes: what it registers, what follows for the run's state, and its silence."""

import contextlib
import json
from typing import Any

import pytest

from headwater.api.scheduler.v1 import metaflow_pb2 as mf
from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound

SOON = {"metaflow_heartbeat_seconds": 0.1, "metaflow_lease_seconds": 0.5}


class Client:
    """Says what the real one says, in its order."""

    def __init__(self, scheduler: Any, project: str = "default") -> None:
        self.rpc, self.project, self.run = scheduler.client, project, ""

    def path(self, step: str = "", task: Any = "", artifact: str = "") -> mf.MetaflowPath:
        return mf.MetaflowPath(flow="F", run=self.run, step=step, task=str(task), artifact=artifact)

    async def register(self, kind: str, path: mf.MetaflowPath, **more: Any) -> dict[str, Any]:
        number = mf.MetaflowKind.Value(f"METAFLOW_KIND_{kind}")
        request = mf.RegisterMetaflowRequest(project=self.project, path=path, kind=number, ts_epoch=1, **more)
        return json.loads((await self.rpc.RegisterMetaflow(request)).json)

    async def begin(self, name: str = "", **more: Any) -> str:
        row = await self.register("RUN", mf.MetaflowPath(flow="F", run=name), **more)
        self.run = str(row["run_number"])
        await self.beat()
        return self.run

    async def task(self, step: str, name: str = "") -> str:
        with contextlib.suppress(AlreadyExists):
            await self.register("STEP", self.path(step))
        return str((await self.register("TASK", self.path(step, name)))["task_id"])

    async def tell(self, step: str, task: str, fields: dict[str, str], attempt: int = 0) -> int:
        tags = [f"attempt_id:{attempt}"]
        data = [mf.MetaflowDatum(field_name=name, value=value, tags=tags) for name, value in fields.items()]
        request = mf.AddMetaflowMetadataRequest(project=self.project, path=self.path(step, task), data=data)
        return (await self.rpc.AddMetaflowMetadata(request)).created

    async def leave(self, step: str, task: str, artifacts: dict[str, str], attempt: int = 0) -> None:
        made = [mf.MetaflowArtifact(name=n, sha=s, attempt=attempt, content_type="p") for n, s in artifacts.items()]
        request = mf.AddMetaflowArtifactsRequest(project=self.project, path=self.path(step, task), artifacts=made)
        await self.rpc.AddMetaflowArtifacts(request)

    async def work(self, step: str, attempt: int = 0, ok: bool = True, task: str = "", **artifacts: str) -> str:
        task = task or await self.task(step)
        await self.tell(step, task, {"attempt": str(attempt)}, attempt)
        await self.tell(step, task, {"attempt_ok": str(ok)}, attempt)
        await self.leave(step, task, {"name": "aa", "_task_ok": "bb"} | artifacts, attempt)
        return task

    async def beat(self, step: str = "", task: str = "") -> int:
        request = mf.BeatMetaflowRequest(project=self.project, path=self.path(step, task))
        return (await self.rpc.BeatMetaflow(request)).wait_seconds

    async def read(self, kind: str, path: mf.MetaflowPath, **more: Any) -> Any:
        number = mf.MetaflowKind.Value(f"METAFLOW_KIND_{kind}")
        request = mf.ReadMetaflowRequest(project=self.project, path=path, kind=number, **more)
        return json.loads((await self.rpc.ReadMetaflow(request)).json)

    async def shown(self) -> pb.Run:
        """The run as the lists of all runs show it."""
        runs = (await self.rpc.ListRuns(pb.ListRunsRequest(project=self.project))).runs
        return next(run for run in runs if run.external_id == f"F/{self.run}")

    async def tasks(self, **more: Any) -> list[pb.Task]:
        request = pb.ListTasksRequest(run_id=(await self.shown()).run_id, **more)
        return list((await self.rpc.ListTasks(request)).tasks)

    async def when(self, state: int) -> pb.Run | None:
        run = await self.shown()
        return run if run.state == state else None


@pytest.fixture
def client(scheduler: Any) -> Any:
    async def start(**settings: Any) -> Client:
        return Client(await scheduler(**settings))

    return start


async def test_a_run_is_shown_beside_ours_and_succeeds_with_its_last_step(client):
    c = await client()
    await c.begin(tags=["mine"], system_tags=["user:me"], user_name="me")
    parameters = await c.task("_parameters")
    await c.tell("_parameters", parameters, {"start_step": "begin", "end_step": "finale"})
    first = await c.work("begin", x="11")
    run = await c.shown()
    assert (run.state, run.engine, run.tasks.succeeded) == (pb.RUN_STATE_RUNNING, "metaflow", 1)
    assert list(run.tags) == ["mine"]
    last = await c.work("finale", x="11", y="22")
    run = await c.shown()
    assert run.state == pb.RUN_STATE_SUCCEEDED and run.HasField("finished_at")
    assert [(t.key.step, t.task_id, t.state) for t in await c.tasks()] == [("begin", first, 4), ("finale", last, 4)]
    whole = (await c.rpc.GetRun(pb.GetRunRequest(run_id=run.run_id))).run
    assert [s.name for s in whole.graph.steps] == ["begin", "finale"] and whole.external_id == f"F/{c.run}"
    (task,) = await c.tasks(step="finale", task_id=last, results=True)
    manifest = json.loads(task.result)
    assert manifest["new"] == ["y"] and set(manifest["artifacts"]) == {"name", "x", "y"}
    (task,) = await c.tasks(step="begin", results=True)
    assert json.loads(task.result)["new"] == ["name", "x"], "made here, though a later task has the same values"


async def test_events_tell_of_it_like_of_ours(client, bus, eventually):
    listener = await bus.connect("publisher-default")
    seen: list[tuple[str, dict[str, Any]]] = []

    async def hear(msg: Any) -> None:
        seen.append((".".join(msg.subject.split(".")[4:6]), json.loads(msg.data)))

    await listener.subscribe("hw.evt.v1.default.*.*.*", hear)
    c = await client()
    await c.begin()
    task = await c.work("start", x="1")
    await c.work("end", ok=False)
    await c.work("end", x="1")
    kinds = ["run.started", "task.started", "task.succeeded", "task.started", "task.failed"]
    kinds += ["task.started", "task.succeeded", "run.succeeded"]
    await eventually(lambda: len(seen) == len(kinds))
    assert [kind for kind, _ in seen] == kinds
    assert [int(body["runSeq"]) for _, body in seen] == list(range(1, len(kinds) + 1))
    assert seen[2][1]["taskId"] == task and "x" in json.loads(seen[2][1]["manifestJson"])["new"]
    await listener.close()


async def test_a_client_that_ends_after_a_failure_leaves_a_failed_run(client, eventually):
    c = await client(**SOON)
    await c.begin()
    await c.work("start")
    task = await c.work("train", ok=False)
    run = await eventually(lambda: c.when(pb.RUN_STATE_FAILED))
    assert run.failure.code == "USER_ERROR" and "train" in run.failure.message
    assert [(t.task_id, t.state) for t in await c.tasks(step="train")] == [(task, pb.TASK_STATE_FAILED)]


async def test_a_retry_keeps_the_run_alive(client):
    c = await client()
    await c.begin()
    task = await c.work("end", ok=False)
    await c.work("end", attempt=1, task=task, x="2")
    assert (await c.shown()).state == pb.RUN_STATE_SUCCEEDED
    (shown,) = await c.tasks()
    assert (shown.attempt, shown.retry_count, shown.failure.code) == (2, 1, "")
    assert [a["name"] for a in await c.read("ARTIFACT", c.path("end", task), attempt=0)] == ["_task_ok", "name"]
    assert [a["name"] for a in await c.read("ARTIFACT", c.path("end", task))] == ["_task_ok", "name", "x"]
    assert (await c.read("ARTIFACT", c.path("end", task, "x"), attempt=1))["sha"] == "2"
    with pytest.raises(NotFound):
        await c.read("ARTIFACT", c.path("end", task, "x"), attempt=0)


async def test_silence_fails_a_run_and_a_word_revives_it(client, eventually):
    c = await client(**SOON)
    await c.begin()
    task = await c.task("start")
    await c.tell("start", task, {"attempt": "0"})
    run = await eventually(lambda: c.when(pb.RUN_STATE_FAILED))
    assert run.failure.code == "CLIENT_LOST" and (await c.tasks())[0].state == pb.TASK_STATE_FAILED
    assert await c.beat("start", task) == 1
    assert (await c.shown()).state == pb.RUN_STATE_RUNNING
    assert (await c.tasks())[0].state == pb.TASK_STATE_DISPATCHED
    await c.work("end")
    assert (await c.shown()).state == pb.RUN_STATE_SUCCEEDED


async def test_resume_names_its_origin(client):
    c = await client()
    origin = await c.begin()
    old = await c.work("start")
    first = await c.shown()
    await c.begin()
    task = await c.task("start")
    await c.tell("start", task, {"attempt": "0"})
    other = await c.task("start")
    await c.tell("start", other, {"origin-task-id": old, "origin-run-id": origin, "attempt": "0", "attempt_ok": "True"})
    assert (await c.shown()).origin_run_id == first.run_id
    assert {t.task_id: t.origin_run_id for t in await c.tasks()} == {task: "", other: first.run_id}


async def test_tags_are_those_of_the_run_everywhere(client):
    c = await client()
    await c.begin(tags=["old"], system_tags=["user:me"])
    task = await c.work("start")
    change = {"add": ["new", "new", "user:me"], "remove": ["old", "no"]}
    request = mf.TagMetaflowRunRequest(path=c.path(), **change)
    assert list((await c.rpc.TagMetaflowRun(request)).tags) == ["new"]
    for kind, path in (("RUN", c.path()), ("STEP", c.path("start")), ("TASK", c.path("start", task))):
        row = await c.read(kind, path)
        assert (row["tags"], row["system_tags"]) == (["new"], ["user:me"])
    assert list((await c.shown()).tags) == ["new"]
    with pytest.raises(InvalidArgument, match="system tag"):
        await c.rpc.TagMetaflowRun(mf.TagMetaflowRunRequest(project="default", path=c.path(), remove=["user:me"]))


async def test_lists_are_whole_and_newest_runs_first(client):
    c = await client()
    with pytest.raises(NotFound):
        await c.read("FLOW", mf.MetaflowPath(flow="F"))
    await c.register("FLOW", mf.MetaflowPath(flow="F"))
    with pytest.raises(AlreadyExists):
        await c.register("FLOW", mf.MetaflowPath(flow="F"))
    numbers = [int(await c.begin()) for _ in range(3)]
    assert [r["run_number"] for r in await c.read("RUN", mf.MetaflowPath(flow="F"))] == numbers[::-1]
    assert [f["flow_id"] for f in await c.read("FLOW", mf.MetaflowPath())] == ["F"]
    tasks = [await c.task("branch") for _ in range(3)]
    assert [str(t["task_id"]) for t in await c.read("TASK", c.path("branch"))] == tasks
    await c.tell("branch", tasks[1], {"path": "start:1"})
    for field, pattern, found in (
        ("path", "^(?:start:1)$", tasks[1:2]),
        ("path", "^(?:start:.*)$", tasks[1:2]),
        ("", "", tasks),
        ("nothing", "", []),
    ):
        request = mf.FilterMetaflowTasksRequest(
            project="default", path=c.path("branch"), field_name=field, pattern=pattern
        )
        specs = (await c.rpc.FilterMetaflowTasks(request)).pathspecs
        assert list(specs) == [f"F/{c.run}/branch/{task}" for task in found]
    with pytest.raises(InvalidArgument, match="pattern"):
        request = mf.FilterMetaflowTasksRequest(project="default", path=c.path("branch"), field_name="a", pattern="(")
        await c.rpc.FilterMetaflowTasks(request)


async def test_ids_are_numbers_of_the_server_or_names_of_the_client(client):
    c = await client()
    with pytest.raises(InvalidArgument, match="run_number may not be a numeric"):
        await c.begin("12")
    await c.begin("argo-abc")
    with pytest.raises(InvalidArgument, match="task_id may not be a numeric"):
        await c.task("start", "7")
    task = await c.task("start", "t-1")
    assert (c.run, task) == ("argo-abc", "t-1")
    with pytest.raises(AlreadyExists):
        await c.task("start", "t-1")
    await c.work("end", task=await c.task("end", "t-2"))
    assert [t.task_id for t in await c.tasks()] == ["t-1", "t-2"]
    assert (await c.shown()).state == pb.RUN_STATE_SUCCEEDED


async def test_another_project_sees_nothing(client):
    c = await client()
    await c.begin()
    stranger = Identity(Actor("user", "x"), "editor", "other")
    path = mf.MetaflowPath(flow="F", run=c.run)
    for request in (
        mf.ReadMetaflowRequest(path=path, kind=mf.METAFLOW_KIND_RUN),
        mf.ReadMetaflowRequest(project="default", path=path, kind=mf.METAFLOW_KIND_RUN),
    ):
        with pytest.raises(NotFound):
            await c.rpc.ReadMetaflow(request, on_behalf=stranger)
    with pytest.raises(NotFound):
        await c.rpc.BeatMetaflow(mf.BeatMetaflowRequest(path=path), on_behalf=stranger)


async def test_a_cancelled_run_is_refused_its_next_step(client):
    c = await client()
    await c.begin()
    await c.work("start")
    run = await c.shown()
    await c.rpc.CancelRun(pb.CancelRunRequest(run_id=run.run_id, reason="enough"))
    with pytest.raises(FailedPrecondition, match="enough"):
        await c.task("end")
    assert (await c.shown()).state == pb.RUN_STATE_CANCELLED
