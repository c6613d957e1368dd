"""The stream of a run: nothing lost, nothing twice, in order, for as many as follow, however they come and go."""

import asyncio
import json
import signal
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from headwater.api.common.v1 import common_pb2
from headwater.api.executor.v1 import executor_pb2
from headwater_server.embedded.processes import stop_all
from headwater_server.gateway.live.feed import Feed

T0 = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def path(run, query: str = "logs=true") -> str:
    return f"/api/v1/runs/{run.run_id}/stream?{query}"


def chunk(run, *lines: tuple[float, str], task_id: str = "0") -> executor_pb2.LogChunk:
    key = common_pb2.TaskKey(run_id=run.run_id, step="train")
    made = executor_pb2.LogChunk(key=key, task_id=task_id, attempt=1)
    for second, text in lines:
        at = Timestamp()
        at.FromDatetime(T0 + timedelta(seconds=second))
        made.lines.add(stream=executor_pb2.LOG_STREAM_STDOUT, time=at, text=text)
    return made


async def say(bus, run, *chunks: executor_pb2.LogChunk) -> None:
    from google.protobuf.json_format import MessageToJson

    for each in chunks:
        await bus.publish(f"hw.logs.v1.{run.project}.{run.run_id}.{each.task_id}", MessageToJson(each).encode())
    await bus.nc.flush()


def texts(events) -> list[str]:
    return [line["text"] for name, _, data in events if name == "log" for line in data["lines"]]


def kinds(events) -> list[str]:
    return [name for name, _, _ in events]


async def test_a_run_from_its_start_to_its_end(edge, bus):
    worker = await bus.connect("executor")
    run = edge.scheduler.add()
    before = await edge.fact(run, "run.started")
    async with edge.stream(path(run)) as stream:
        assert (await stream.next())[0] == "snapshot"
        name, ident, data = await stream.next()
        assert name == "run.started" and data["id"] == before and data["data"]["runId"] == run.run_id and ident
        await edge.fact(run, "task.started", step="train", taskId="0")
        await say(worker, run, chunk(run, (1, "one"), (2, "two")))
        await edge.fact(run, "task.succeeded", step="train", taskId="0")
        await edge.finish(run)
        events = await stream.until("end")
        assert kinds(events) == ["task.started", "log", "task.succeeded", "run.succeeded", "end"]
        assert texts(events) == ["one", "two"] and events[-1][2]["state"] == "RUN_STATE_SUCCEEDED"
        assert {"id", "type", "time", "subject", "data"} <= events[0][2].keys()
        assert len({ident for name, ident, _ in events if name.startswith("task.")}) == 2
        assert (await stream.next())[0] == "closed"


async def test_lines_come_before_the_end_however_many(edge, bus):
    worker = await bus.connect("executor")
    run = edge.scheduler.add()
    async with edge.stream(path(run)) as stream:
        await stream.next()
        await say(worker, run, *(chunk(run, (n, f"line {n}")) for n in range(2000)))
        await edge.finish(run)
        events = await stream.until("end")
    assert texts(events) == [f"line {n}" for n in range(2000)] and kinds(events)[-2:] == ["run.succeeded", "end"]


async def test_who_comes_late_sees_it_all(edge, bus):
    run = edge.scheduler.add()
    for kind in ("run.started", "task.started", "task.succeeded"):
        await edge.fact(run, kind)
    edge.executor.chunks += [chunk(run, (n, f"line {n}")) for n in range(5)]
    await edge.finish(run)
    async with edge.stream(path(run)) as stream:
        events = await stream.until("end")
    assert kinds(events) == [
        "snapshot", "run.started", "task.started", "task.succeeded", "run.succeeded", *["log"] * 5, "end",
    ]  # fmt: skip
    assert texts(events) == [f"line {n}" for n in range(5)]
    async with edge.stream(path(run, "")) as stream:
        assert "log" not in kinds(await stream.until("end"))


async def test_stored_and_live_lines_overlap_without_doubles(edge, bus):
    worker = await bus.connect("executor")
    run = edge.scheduler.add()
    same = [chunk(run, (n // 2, f"line {n}")) for n in range(6)]
    edge.executor.chunks += same[:5]
    edge.executor.gate = asyncio.Event()
    listed = edge.executor.list_logs

    async def later(request, call):
        await edge.executor.gate.wait()
        return await listed(request, call)

    edge.executor.list_logs = later
    async with edge.stream(path(run)) as stream:
        await stream.next()
        await say(worker, run, *same[3:])
        edge.executor.gate.set()
        await edge.finish(run)
        assert texts(await stream.until("end")) == [f"line {n}" for n in range(6)]


async def test_a_resume_goes_on_where_it_was(edge, bus):
    worker = await bus.connect("executor")
    run = edge.scheduler.add()
    async with edge.stream(path(run)) as stream:
        await stream.next()
        await edge.fact(run, "task.started", taskId="0")
        await say(worker, run, chunk(run, (1, "one"), (10, "two")))
        last = [await stream.next(), await stream.next()][-1][1]
    edge.executor.chunks.append(chunk(run, (1, "one"), (10, "two"), (11, "three")))
    missed = [await edge.fact(run, "task.succeeded", taskId=str(n)) for n in range(3)]
    async with edge.stream(path(run), last_id=last) as stream:
        await edge.finish(run)
        events = await stream.until("end")
    assert [data["id"] for name, _, data in events if name == "task.succeeded"] == missed
    assert "task.started" not in kinds(events)
    assert texts(events) == ["two", "three"], "a line may come twice, none is lost"


async def test_a_flood_while_it_attaches_is_neither_lost_nor_doubled(edge):
    run = edge.scheduler.add()
    sent: list[str] = []
    stop = asyncio.Event()

    async def flood() -> None:
        while not stop.is_set():
            sent.append(await edge.fact(run, "task.succeeded"))

    pouring = asyncio.create_task(flood())
    seen: list[list[str]] = []

    async def follow() -> None:
        async with edge.stream(path(run, "")) as stream:
            seen.append([data["id"] for name, _, data in await stream.until("end") if name == "task.succeeded"])

    followers = []
    for _ in range(5):
        followers.append(asyncio.create_task(follow()))
        await edge.fact(run, "task.started")
    stop.set()
    await pouring
    await edge.finish(run)
    await asyncio.gather(*followers)
    assert seen == [sent] * 5


async def test_it_says_what_the_run_waits_for(edge):
    run = edge.scheduler.add(waiting_for="waiting for a worker in pool gpu")
    async with edge.stream(path(run)) as stream:
        assert (await stream.next())[2]["waitingFor"] == "waiting for a worker in pool gpu"
        run.waiting_for = ""
        name, _, data = await stream.next()
        assert name == "snapshot" and "waitingFor" not in data
        run.state = 3
        assert (await stream.next())[0] == "end", "the scheduler's word counts, though no fact came"


async def test_facts_of_others_are_not_shown(edge, bus):
    run = edge.scheduler.add(project="default")
    registry = await bus.connect("registry")
    body = json.dumps({"project": "acme", "name": run.run_id}).encode()
    await registry.publish_stream(f"hw.evt.v1.acme.model.created.{run.run_id}", body, msg_id="m")
    executor = await bus.connect("executor")
    async with edge.stream(path(run)) as stream:
        await executor.publish(f"hw.logs.v1.acme.{run.run_id}.0", b'{"lines": [{"text": "not yours"}]}')
        await registry.publish_stream(f"hw.evt.v1.acme.model.created.{run.run_id}", body, msg_id="n")
        await edge.finish(run)
        assert kinds(await stream.until("end")) == ["snapshot", "run.succeeded", "end"]


async def test_unknown_runs_and_wrong_ids_are_refused(edge):
    run = edge.scheduler.add()
    assert (await edge.call("GET", "/api/v1/runs/00000000-0000-7000-8000-000000000000/stream")).status == 404
    assert (await edge.call("GET", "/api/v1/runs/*/stream")).status == 404
    assert (await edge.call("GET", path(run, "log=1"))).error["hint"] == "did you mean 'logs'?"
    assert (await edge.call("GET", path(run), headers={"Last-Event-ID": "x"})).error["field"] == "Last-Event-ID"


async def test_the_end_of_an_id_is_enough(edge):
    run = edge.scheduler.add()
    async with edge.stream(f"/api/v1/runs/{run.run_id[-8:]}/stream?project=default") as stream:
        assert (await stream.next())[2]["runId"] == run.run_id
        await edge.finish(run)
        assert (await stream.until("end"))[-1][0] == "end"


async def test_a_slow_reader_is_cut_off_and_resumes(edge, monkeypatch, eventually):
    monkeypatch.setattr(Feed, "MOST", 50)
    run = edge.scheduler.add()
    hub_feeds = _hub(edge)._feeds
    async with edge.stream(path(run, "")) as stream:
        await stream.next()
        stream.writer.transport.pause_reading()
        big = "x" * 50_000
        sent = [await edge.fact(run, "task.succeeded", note=big) for _ in range(200)]
        await eventually(lambda: not hub_feeds, what="the slow reader is forgotten")
        stream.writer.transport.resume_reading()
        got = []
        while (event := await stream.next())[0] != "closed":
            got.append(event)
    ids = [data["id"] for _, _, data in got]
    assert ids == sent[: len(ids)] and len(ids) < len(sent)
    await edge.finish(run)
    while len(ids) < len(sent):
        async with edge.stream(path(run, ""), last_id=got[-1][1] if got else "") as stream:
            got = [event for event in await stream.until("end") if event[0] == "task.succeeded"]
            ids += [data["id"] for _, _, data in got]
    assert ids == sent


async def test_who_leaves_costs_nothing_more(edge, eventually):
    run = edge.scheduler.add()
    hub = _hub(edge)
    async with edge.stream(path(run)) as stream:
        await stream.next()
        assert hub._feeds and hub._logs and hub._runs
    await eventually(lambda: not (hub._feeds or hub._logs or hub._runs))


async def test_a_revoked_token_ends_its_streams(edge, monkeypatch):
    from headwater_server.gateway.live import runs

    monkeypatch.setattr(runs, "CHECK_SECONDS", 0.0)
    viewer = await edge.token("viewer")
    (token,) = [t for t in (await edge.call("GET", "/api/v1/tokens")).json["tokens"] if t["name"] == "viewer"]
    run = edge.scheduler.add()
    async with edge.stream(path(run), token=viewer) as stream:
        await stream.next()
        await edge.call("DELETE", f"/api/v1/tokens/{token['tokenId']}")
        assert (await stream.next())[0] == "closed"


async def test_the_bus_dies_and_facts_go_on(edge, bus, eventually):
    run = edge.scheduler.add()
    async with edge.stream(path(run, "")) as stream:
        await stream.next()
        await edge.fact(run, "task.started")
        assert (await stream.next())[0] == "task.started"
        bus.child.stop_signal = signal.SIGKILL
        stop_all([bus.child])
        bus.child.start()
        publisher = await edge.publisher()
        await eventually(lambda: publisher.nc.stats["reconnects"] and edge.kit.bus.nc.stats["reconnects"])
        await edge.fact(run, "task.succeeded")
        await edge.finish(run)
        assert [e[0] for e in await stream.until("end")] == ["task.succeeded", "run.succeeded", "end"]


async def test_stopping_waits_for_no_stream(edge):
    run = edge.scheduler.add()
    async with edge.stream(path(run)) as stream:
        await stream.next()
        began = asyncio.get_running_loop().time()
        await edge.kit.stop()
        assert asyncio.get_running_loop().time() - began < 1.0
        assert (await stream.next())[0] == "closed"


def _hub(edge):
    import gc

    from headwater_server.gateway.live.hub import Hub

    return next(each for each in gc.get_objects() if isinstance(each, Hub) and each._bus is edge.kit.bus)
