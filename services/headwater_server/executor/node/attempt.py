"""One attempt of one task in one child: from the assignment to its outcome.

Feeds the child, serves what it asks for, streams its output, kills it when its time is over. Completes nothing.
"""

import asyncio
import os
import time
from contextlib import suppress
from typing import Any

import structlog

from headwater_server.executor.node import frames, outcomes, wire
from headwater_server.executor.node.cards import AttemptCards
from headwater_server.executor.node.children import CLEAN, CannotStart, Child, Origin, remove_nest
from headwater_server.executor.node.context import Node
from headwater_server.executor.node.devices import Lease
from headwater_server.executor.node.frames import FrameSocket
from headwater_server.executor.node.handover import store_outputs
from headwater_server.executor.node.logs import STDERR, STDOUT, AttemptLogs
from headwater_server.executor.node.metrics import AttemptMetrics
from headwater_server.executor.node.requests import answer
from headwater_server.executor.node.sink import Sink
from headwater_server.executor.node.wire import Assignment

log = structlog.get_logger("worker.attempt")
# The child raises StepTimeout by itself; one that cannot is killed this much later (seconds).
GRACE = 3.0
# A process that has handed in its result ends within this time, or is ended.
_LAST_WORDS = 3.0
_PIPE = 65536


class Attempt:
    def __init__(self, node: Node, task: Assignment) -> None:
        self.node, self.task = node, task
        self.started_at = time.time()
        self.span = node.tracer.start(
            f"task {task.key.step}", task.traceparent, kind="consumer", attributes=_attributes(task)
        )
        self._log_sink = Sink(node.bus, task.logs_subject)
        self._metric_sink = Sink(node.bus, task.metrics_subject)
        self.logs = AttemptLogs(task, self._log_sink)
        self.metrics = AttemptMetrics(task, self._metric_sink)
        self.cards: AttemptCards | None = None
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._child: Child | None = None
        self._result: dict[str, Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timed_out = self._handing_over = False
        self._gpus: Lease | None = None
        self._killed_by: dict[str, Any] | None = None
        # With isolation "none": what a process that has done this task may do next.
        self._use = (task.key.step, task.step.resources) if task.step.isolation == "none" else None
        self._jobs: set[asyncio.Task[None]] = set()

    async def run(self) -> dict[str, Any]:
        """{"success": …} or {"failure": …}, once all it needs is stored. When cancelled, the process is gone first."""
        try:
            outcome = await self._run()
            if self.cards is not None:
                await self.cards.stored()
            self.metrics.flush()
            self.logs.finish()
            for sink in (self._metric_sink, self._log_sink):
                if sink.busy:
                    await sink.flushed()
            return outcome
        except asyncio.CancelledError:
            await self._abandon()
            raise
        finally:
            if self._child is None and self._gpus is not None:
                self._gpus.end()

    async def _run(self) -> dict[str, Any]:
        try:
            if self.task.step.gpus:
                self._gpus = await self._take_gpus(self.task.step.gpus)
            child = self._parked_child() or await self._make_child()
        except CannotStart as problem:
            self.logs.feed(STDERR, problem.failure.get("traceback", "").encode())
            return self._failed(problem.failure)
        self._begin(child)
        await self._done
        if self._timer is not None:
            self._timer.cancel()
        if self._result is None:
            return self._failed(self._cause_of_death(child))
        if self._use is None:
            self._loop.call_later(_LAST_WORDS, self._end_lingering)
        try:
            outcome = await self._settled(child, self._result)
        except Exception:
            child.kill()
            raise
        if self._use is not None and not child.ended.done():
            self._let_rest(child)
        return outcome

    async def _settled(self, child: Child, result: dict[str, Any]) -> dict[str, Any]:
        ok, failure = outcomes.of_result(result)
        if ok is None:
            return self._failed(failure) if failure.get("code") == "OUT_OF_MEMORY" else {"failure": failure}
        if blobs := result.get("blobs"):
            self.metrics.flush()
            self.logs.flush()
            problem = await store_outputs(self.node, self.task, blobs, child.base, self.span.traceparent)
            self._handing_over = False
            self._clean()
            if problem is not None:
                return self._failed(problem)
        self._trace(result.get("times", {}))
        return wire.success(ok["manifest"], ok["next"], ok["width"])

    # The child

    def _parked_child(self) -> Child | None:
        """The common case, without a single await: code that is at work here, and a child that waits."""
        code = self.task.code
        package = self.node.packages.find(code.package)
        python = self._known_python()
        if package is None or python is None:
            return None
        self._origin = origin = Origin(python, package, code.entrypoint, code.flow_class)
        if self.task.step.isolation == "process":
            return None
        rested = self.node.zygotes.rested(origin, self._use) if self._use is not None else None
        return rested or self.node.zygotes.take(origin)

    async def _make_child(self) -> Child:
        code = self.task.code
        package = await self.node.packages.ensure(self.task.project, code.package)
        python = self._known_python() or await self._find_python()
        self._origin = origin = Origin(python, package, code.entrypoint, code.flow_class)
        if self.task.step.isolation == "process":
            return await self.node.zygotes.fresh(python)
        return await self.node.zygotes.child(origin)

    async def _take_gpus(self, count: int) -> Lease:
        """Raises CannotStart."""
        try:
            return await self.node.devices.take(count)
        except ValueError as error:
            raise CannotStart(outcomes.no_devices(self.task.key.step, str(error))) from None

    def _known_python(self) -> str | None:
        """The interpreter for this task, if that is decided already."""
        if (wanted := self.task.step.environment) is not None:
            return self.node.environments.find(wanted.lock)
        return self.node.zygotes.known_interpreter(self.task.code.python)

    async def _find_python(self) -> str:
        """Raises CannotStart."""
        wanted, preferred = self.task.step.environment, self.task.code.python
        if wanted is None:
            return await self.node.zygotes.interpreter(preferred)
        python = await self.node.environments.ensure(self.task.project, wanted.lock, preferred, self.logs.say)
        if not await self.node.zygotes.starts(python):
            text = f"Python {wanted.python} of the environment of step {self.task.key.step} cannot run Headwater"
            raise CannotStart(outcomes.failure("ENVIRONMENT", text, hint="See the log of the worker."))
        return python

    def _begin(self, child: Child) -> None:
        self._child = child
        self._channel = FrameSocket(child.sock, self._on_message, lambda: None)
        self._loop.add_reader(child.out, self._read, child.out, STDOUT)
        self._loop.add_reader(child.err, self._read, child.err, STDERR)
        child.ended.add_done_callback(self._on_ended)
        gpus = self._gpus.names if self._gpus is not None else ()
        self._channel.send(self.node.task_frame(self.task, self.span.traceparent, gpus, self._terms(child)))
        if self.task.timeout:
            self._timer = self._loop.call_later(self.task.timeout + GRACE, self._time_out)

    def _terms(self, child: Child) -> dict[str, Any]:
        """On which the child gets its task; what limits the process is in force before."""
        terms: dict[str, Any] = {"again": True} if self._use is not None else {}
        if self.task.step.isolation == "process":
            origin = self._origin
            terms["code"] = {
                "package": str(origin.package),
                "entrypoint": origin.entrypoint,
                "flow_class": origin.flow_class,
                "base": str(child.base),
            }
        child.limits = child.limits or self.node.limits.of(self.task.step.resources)
        return terms | (child.limits.hold(child) if child.limits is not None else {})

    def _let_rest(self, child: Child) -> None:
        """The process is for another task of the step now: whatever becomes of this one does not end it."""
        self._child = None
        child.ended.remove_done_callback(self._on_ended)
        self._channel.detach()
        for fd in (child.out, child.err):
            self._loop.remove_reader(fd)
        if child.limits is not None:
            child.limits.rest()
        self.node.zygotes.rest(self._origin, self._use, child)

    def _on_message(self, message: dict[str, Any], fds: list[int]) -> None:
        match message.get("op"):
            case "result":
                self._result = message
                self._handing_over = bool(message.get("blobs"))
                self._drain()
                self._finish()
            case "metrics":
                self.metrics.add(message)
                if self.metrics.crowded:
                    self._channel.pause()
                    self._job(self._resume())
            case "card":
                self.cards = self.cards or AttemptCards(self.task, self.node.transfers, self.logs.say)
                self.cards.add(message, self.span.traceparent)
            case _:
                self._job(self._answer(message))

    def _on_ended(self, ended: asyncio.Future[int | None]) -> None:
        child = self._child
        assert child is not None
        if self._result is None:
            self._channel.drain()
        child.kill()  # what it left behind in its group
        if child.limits is not None:
            self._killed_by = child.limits.failure(self.task.key.step)
            child.limits.end()
        if self._gpus is not None:
            self._gpus.end()
        self._drain()
        self._channel.close()
        for fd in (child.out, child.err):
            self._loop.remove_reader(fd)
        child.close()
        self._finish()
        self._clean()

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)

    def _time_out(self) -> None:
        if self._child is not None and not self._done.done():
            self._timed_out = True
            self._child.kill()

    def _end_lingering(self) -> None:
        if self._child is not None and not self._child.ended.done():
            log.warning("process did not end after its result", task=self.task.name)
            self._child.kill()

    def _cause_of_death(self, child: Child) -> dict[str, Any]:
        if self._killed_by is not None and not self._timed_out:
            return self._killed_by
        return outcomes.of_death(
            self.task.key.step,
            child.ended.result(),
            timed_out=self.task.timeout if self._timed_out else 0.0,
            out_of_memory=self.node.oom.struck(),
            remark=child.limits.remark() if child.limits is not None else "",
        )

    def _failed(self, failure: dict[str, Any]) -> dict[str, Any]:
        """The failure as outcome; the log of the task says it too."""
        self.logs.say(f"{failure['message']}. {failure.get('hint', '')}".strip())
        self.span.fail(failure["message"])
        return {"failure": failure}

    # Its output

    def _read(self, fd: int, stream: str) -> bool:
        try:
            data = os.read(fd, _PIPE)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(fd)
            return False
        self.logs.feed(stream, data)
        return True

    def _drain(self) -> None:
        """What the pipes hold now; a process that goes on writing does not hold us up."""
        child = self._child
        assert child is not None
        for fd, stream in ((child.out, STDOUT), (child.err, STDERR)):
            for _ in range(32):
                if fd < 0 or not self._read(fd, stream):
                    break

    # What it asks for

    def _job(self, work: Any) -> None:
        job = asyncio.create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _answer(self, message: dict[str, Any]) -> None:
        reply = await answer(self.node, self.task, message, self.span.traceparent)
        self._channel.send(frames.encode(reply))

    async def _resume(self) -> None:
        await self._metric_sink.flushed()
        self._channel.resume()

    # The end

    def _clean(self) -> None:
        """Removes the task's directories once the process is gone and nothing in them is needed any more."""
        child = self._child
        if child is None or not child.ended.done() or child.ended.result() == CLEAN:
            return
        if not self._handing_over:
            self._loop.run_in_executor(None, remove_nest, child.base)

    def _trace(self, times: dict[str, Any]) -> None:
        if not self.node.tracer.enabled:
            return
        for name, start, end in (("user code", "user_start", "user_end"), ("persist", "persist_start", "end")):
            if isinstance(times.get(start), float) and isinstance(times.get(end), float):
                span = self.node.tracer.start(name, self.span.traceparent, at=int(times[start] * 1e9))
                span.end(int(times[end] * 1e9))

    async def _abandon(self) -> None:
        for sink in (self._metric_sink, self._log_sink):
            sink.abandon()
        for job in self._jobs:
            job.cancel()
        if self.cards is not None:
            self.cards.close()
        if self._timer is not None:
            self._timer.cancel()
        self._handing_over = False
        child = self._child
        if child is not None and not child.ended.done():
            child.kill()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([child.ended], timeout=2)
        self.span.fail("cancelled")


def _attributes(task: Assignment) -> dict[str, Any]:
    return {
        "hw.run": task.key.run_id,
        "hw.step": task.key.step,
        "hw.task": task.task_id,
        "hw.attempt": task.attempt,
        "hw.flow": task.flow,
        "hw.project": task.project,
    }
