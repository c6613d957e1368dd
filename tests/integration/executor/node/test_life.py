"""How a node agent lives with others: leases, cancels, lost services, redelivery, and its own end."""

import asyncio
import gzip
import os
import signal
from contextlib import suppress
from typing import Any

import psutil
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.integration.executor.node.cluster import Cluster, Worker


async def waiting_group(cluster: Cluster, eventually) -> int:
    """Dispatches the step that waits; returns its process group once it runs."""
    await cluster.scheduler.dispatch(cluster.task("waits"))

    async def group() -> int:
        lines = [text for _, text in await cluster.lines("waits") if text.startswith("waiting")]
        return int(lines[-1].split()[1]) if lines else 0

    return await eventually(group, 20)


def group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


async def test_heartbeats_tell_what_is_held(cluster: Cluster, eventually) -> None:
    await cluster.worker("--name", "lab", "--label", "gpu=none")
    (opened,) = cluster.scheduler.sessions
    known = {"pool": "default", "name": "lab", "slots": 2, "labels": {"gpu": "none"}, "address": "127.0.0.1"}
    assert opened == opened | known
    assert cluster.scheduler.beats[0] == {"sessionId": "s1", "free": 2, "held": []}
    task = cluster.task("waits")
    await cluster.scheduler.dispatch(task)
    await eventually(
        lambda: (
            cluster.scheduler.beats[-1] == {"sessionId": "s1", "free": 1, "held": [{"key": task["key"], "attempt": 1}]}
        )
    )


async def test_a_cancelled_task_is_killed_with_its_children_and_forgotten(cluster: Cluster, eventually) -> None:
    await cluster.worker()
    group = await waiting_group(cluster, eventually)
    key = cluster.task("waits")["key"]
    await cluster.scheduler.control({"cancel": [{"key": key, "attempt": 1}, {"key": key, "attempt": 9}]})
    await eventually(lambda: group_is_gone(group))
    await eventually(lambda: cluster.scheduler.beats[-1]["free"] == 2)
    assert "success" in await cluster.scheduler.run(cluster.task("trivial"))
    assert len(cluster.scheduler.completions) == 1


async def test_a_session_that_is_not_known_any_more_is_opened_again(cluster: Cluster, eventually) -> None:
    await cluster.worker()
    await waiting_group(cluster, eventually)
    await cluster.scheduler.control({"reopen": True})
    await eventually(lambda: cluster.scheduler.beats[-1]["sessionId"] == "s2")
    assert cluster.scheduler.beats[-1]["free"] == 1
    await cluster.scheduler.control({"cancel": cluster.scheduler.beats[-1]["held"]}, session="s2")
    await eventually(lambda: cluster.scheduler.beats[-1]["free"] == 2)


async def test_an_old_message_is_claimed_first(cluster: Cluster, eventually) -> None:
    await cluster.worker()
    done = await cluster.scheduler.run(cluster.task("trivial", age=11))
    assert cluster.scheduler.claims == [{"key": done["key"], "attempt": 1, "sessionId": "s1"}]
    cluster.scheduler.grant = False
    await cluster.scheduler.dispatch(cluster.task("trivial", age=11, attempt=2))
    await eventually(lambda: len(cluster.scheduler.claims) == 2)
    cluster.scheduler.grant = True
    await cluster.scheduler.run(cluster.task("trivial", attempt=3))
    assert [c["attempt"] for c in cluster.scheduler.completions] == [1, 3]
    assert len(cluster.scheduler.claims) == 2  # a fresh one is not claimed


async def test_a_message_that_nobody_acknowledged_is_claimed_by_the_next_worker(cluster: Cluster, eventually) -> None:
    """As if a worker had died between delivery and acknowledgement."""
    thief = await cluster.bus.connect("worker-default")
    subscription = await thief.js.pull_subscribe_bind(consumer="pool-default", stream="HW_TASKS")
    await cluster.scheduler.dispatch(cluster.task("trivial"))
    await subscription.fetch(1, timeout=5)
    await cluster.worker()
    await cluster.scheduler.completion()
    assert len(cluster.scheduler.claims) == 1


async def test_the_result_is_kept_until_the_scheduler_takes_it(cluster: Cluster, eventually) -> None:
    await cluster.worker("--slots", "1")
    await cluster.scheduler.run(cluster.task("trivial"))
    refusals = iter(range(3))

    def answer(body):
        if next(refusals, None) is not None:
            return {"error": {"code": "UNAVAILABLE", "message": "the database is away"}}
        return {"disposition": "DISPOSITION_ALREADY"}

    cluster.scheduler.answer = answer
    await cluster.scheduler.dispatch(cluster.task("trivial", attempt=2))
    await cluster.scheduler.dispatch(cluster.task("trivial", attempt=3))
    await eventually(lambda: [c["attempt"] for c in cluster.scheduler.completions] == [1, 2, 2, 2, 2, 3])


async def test_a_refused_result_becomes_a_failure(cluster: Cluster) -> None:
    await cluster.worker()

    def answer(body):
        if "success" in body:
            return {"error": {"code": "INVALID_ARGUMENT", "message": "next: step trivial leads to nobody"}}
        return {"disposition": "DISPOSITION_ACCEPTED"}

    cluster.scheduler.answer = answer
    await cluster.scheduler.dispatch(cluster.task("trivial"))
    failure = (await cluster.scheduler.completion(2))["failure"]
    assert "leads to nobody" in failure["message"] and not failure["retryable"]


async def test_never_more_tasks_than_slots(cluster: Cluster, eventually) -> None:
    await cluster.worker()
    for index in range(5):
        await cluster.scheduler.dispatch(cluster.task("waits", key={"index": index}))
    await eventually(lambda: len(cluster.scheduler.beats[-1]["held"]) == 2)
    for _ in range(3):  # 2, 2 and 1
        held = cluster.scheduler.beats[-1]["held"]
        await cluster.scheduler.control({"cancel": held})
        await eventually(lambda held=held: cluster.scheduler.beats[-1]["held"] != held)
    assert max(len(beat["held"]) for beat in cluster.scheduler.beats) == 2


async def test_a_message_that_is_no_task_harms_nobody(cluster: Cluster) -> None:
    await cluster.worker()
    await cluster.scheduler.dispatch({"key": "odd"})
    assert "success" in await cluster.scheduler.run(cluster.task("trivial"))


async def test_sigterm_ends_everything_within_a_second(cluster: Cluster, eventually) -> None:
    worker = await cluster.worker()
    group = await waiting_group(cluster, eventually)
    assert await worker.stop() < 1.0
    assert cluster.scheduler.closed == ["s1"] and cluster.scheduler.completions == []
    await eventually(lambda: group_is_gone(group), 2)


async def test_sigterm_works_before_there_is_a_scheduler(cluster: Cluster, eventually) -> None:
    cluster.scheduler.away = True
    worker = await Worker(cluster.bus, cluster.home).start()
    cluster.workers.append(worker)
    await eventually(lambda: "waiting for the scheduler" in worker.log.read_text(), 15)
    assert await worker.stop() < 1.0


async def test_nothing_survives_kill_9_of_the_agent(cluster: Cluster, eventually) -> None:
    worker = await cluster.worker()
    group = await waiting_group(cluster, eventually)
    children = await descendants(worker.process.pid)
    assert len(children) >= 4  # root zygote, package zygote, the task, one that is parked
    worker.process.send_signal(signal.SIGKILL)
    await worker.process.wait()
    await eventually(lambda: group_is_gone(group))

    await eventually(lambda: not any(map(psutil.pid_exists, children)))


async def descendants(pid: int) -> list[int]:
    return await asyncio.to_thread(lambda: [child.pid for child in psutil.Process(pid).children(recursive=True)])


async def test_work_goes_on_after_kill_9_of_the_bus(cluster: Cluster, eventually) -> None:
    await cluster.worker()
    await cluster.scheduler.run(cluster.task("trivial"))
    child = cluster.bus.child
    assert child.process is not None
    child.process.kill()
    child.process.wait()
    child.start()
    await eventually(lambda: cluster.scheduler.bus.nc.is_connected)
    heard = len(cluster.scheduler.beats)
    await eventually(lambda: len(cluster.scheduler.beats) > heard)
    assert "success" in await cluster.scheduler.run(cluster.task("chatty", attempt=2))
    assert ("STDOUT", "hello") in await cluster.lines("chatty")


async def test_a_zygote_that_was_killed_is_replaced(cluster: Cluster, eventually) -> None:
    worker = await cluster.worker()
    await cluster.scheduler.run(cluster.task("trivial"))
    killed = await descendants(worker.process.pid)
    for pid in killed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await eventually(lambda: not any(map(psutil.pid_exists, killed)))
    assert "success" in await cluster.scheduler.run(cluster.task("trivial", attempt=2))


async def test_spans_of_a_task_hang_below_the_run(cluster: Cluster, eventually) -> None:
    collector = await Collector().start()
    worker = Worker(cluster.bus, cluster.home)
    worker.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{collector.port}"
    cluster.workers.append(await worker.start())
    trace, root = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    done = await cluster.scheduler.run(cluster.task("big", traceparent=f"00-{trace}-{root}-01"))
    await eventually(lambda: {"task big", "complete", "user code", "upload blob"} <= set(collector.spans))
    task = collector.spans["task big"]
    assert task.parent_span_id.hex() == root and task.trace_id.hex() == trace
    assert done["traceparent"] == f"00-{trace}-{task.span_id.hex()}-01"
    assert {collector.spans[n].parent_span_id for n in ("complete", "user code", "upload blob")} == {task.span_id}
    await collector.stop()


class Collector:
    """Takes OTLP over HTTP. `spans`: name → the last one of that name."""

    def __init__(self) -> None:
        self.spans: dict[str, Any] = {}

    async def start(self) -> "Collector":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                body = await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
                request = ExportTraceServiceRequest.FromString(
                    gzip.decompress(body) if "content-encoding: gzip" in head else body
                )
                for scope in (scope for resource in request.resource_spans for scope in resource.scope_spans):
                    self.spans.update({span.name: span for span in scope.spans})
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()
