"""The slots of an agent: what runs in them, and when one is free again.

A slot runs an attempt, completes it, and goes on with the tasks that the scheduler's reply may carry. Where the tasks
of a foreach are short it has some ahead: then it does not wait for the scheduler between two of them.
"""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
import structlog
from nats.aio.msg import Msg

from headwater_server.executor.node import wire
from headwater_server.executor.node.attempt import Attempt
from headwater_server.executor.node.completion import Completer, Want
from headwater_server.executor.node.context import Node
from headwater_server.executor.node.wire import Assignment, Held
from headwater_server.kit.pull import Puller

log = structlog.get_logger("worker.slots")
# A message that is older (seconds) may be about a task that went to somebody else meanwhile.
_FRESH = 10.0
# A slot has tasks ahead for about so long (seconds), and so many at most.
AHEAD = 0.5
MOST_AHEAD = 32
# All of them come with one reply, which may have so many bytes.
AHEAD_BYTES = 64 * 1024
# Tasks that stand behind one which takes longer (seconds) are given back: another slot may have time for them.
SLOW = 0.25
_PACES = 64


@dataclass(eq=False)
class Slot:
    """One at work: the task it runs, those it runs next, and results that the scheduler has not answered yet."""

    current: Assignment
    ahead: deque[Assignment] = field(default_factory=deque)
    settling: dict["asyncio.Task[list[Assignment]]", Assignment] = field(default_factory=dict)
    # Branches that were asked for beyond one for each result.
    asked: int = 0
    finishing: bool = False

    def held(self) -> list[Held]:
        return [task.held for task in (self.current, *self.ahead, *self.settling.values())]


class Slots:
    def __init__(self, node: Node, count: int, completer: Completer) -> None:
        self._node, self._count, self._completer = node, count, completer
        self._busy: dict[asyncio.Task[None], Slot] = {}
        self._paces: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._jobs: set[asyncio.Task[Any]] = set()
        self._refused = False
        self.draining = False
        self.puller: Puller | None = None

    @property
    def free(self) -> int:
        return 0 if self.draining else max(0, self._count - len(self._busy))

    def held(self) -> tuple[int, list[Held]]:
        return self.free, [held for slot in self._busy.values() for held in slot.held()]

    async def deliver(self, msg: Msg) -> None:
        """A message of the work queue. It is acknowledged at once: from here on the session's lease counts."""
        try:
            task = wire.read_assignment(msg.data)
        except msgspec.MsgspecError as error:
            log.error("task not understood", error=str(error), subject=msg.subject)
            await msg.term()
            return
        meta = msg.metadata
        if self.free <= 0:
            self._refused = True
            await msg.nak()
            return
        if not self._has(task):
            self._cancel_older(task)
            self._start(Slot(task), check=meta.num_delivered > 1 or _is_old(task) or task.in_gang)
        await msg.ack()

    def begin(self, tasks: list[Assignment]) -> None:
        """They were given to this worker and no other, be its slots busy: members of a gang that is wider, or tasks for
        its GPUs."""
        for task in tasks:
            if not self.draining and not self._has(task):
                self._cancel_older(task)
                self._start(Slot(task), check=task.in_gang)

    def cancel(self, attempts: list[Held]) -> None:
        """Stops them; nothing is completed."""
        wanted = set(attempts)
        for job, slot in list(self._busy.items()):
            for task in [task for task in slot.ahead if task.held in wanted]:
                slot.ahead.remove(task)
            if slot.current.held in wanted and not slot.finishing:  # else the answer on its way would be lost
                log.info("task cancelled", task=slot.current.name)
                job.cancel()

    def _cancel_older(self, task: Assignment) -> None:
        """A newer attempt came here while we still hold an older one: its result would be refused."""
        held = [held for slot in self._busy.values() for held in slot.held()]
        self.cancel([older for older in held if older.key == task.key and older.attempt < task.attempt])

    async def drain(self, patience: float) -> None:
        """Lets completions that are under way finish, kills everything else. Takes nothing more."""
        self.draining = True
        settling = [job for slot in self._busy.values() for job in slot.settling]
        finishing = [job for job, slot in self._busy.items() if slot.finishing]
        for job, slot in self._busy.items():
            slot.ahead.clear()
            if not slot.finishing:
                job.cancel()
        if jobs := [*settling, *finishing]:
            await asyncio.wait(jobs, timeout=patience)
        for job in list(self._busy):
            job.cancel()
        if self._busy:
            await asyncio.wait(list(self._busy), timeout=patience)

    def _has(self, task: Assignment) -> bool:
        return any(task.held in slot.held() for slot in self._busy.values())

    def _start(self, slot: Slot, *, check: bool) -> None:
        job = asyncio.create_task(self._work(slot, check))
        self._busy[job] = slot
        job.add_done_callback(self._ended)

    def _ended(self, job: asyncio.Task[None]) -> None:
        slot = self._busy.pop(job)
        if not job.cancelled() and (error := job.exception()) is not None:
            log.error("slot failed", exc_info=error)
        if slot.ahead and not self.draining:  # only the task that it ran was cancelled
            self._go_on(list(slot.ahead))
        self._spread()
        if self.puller is not None:
            self.puller.wake()

    def _go_on(self, tasks: list[Assignment]) -> None:
        self._start(Slot(tasks[0], deque(tasks[1:])), check=False)

    async def _work(self, slot: Slot, check: bool) -> None:
        if check and not await self._completer.claim(slot.current):
            log.info("task not ours any more", task=slot.current.name)
            return
        while True:
            attempt, outcome = await self._run(slot)
            if slot.ahead:
                self._settle_aside(slot, attempt, outcome)
            else:
                slot.finishing = True
                following = await self._settle(slot, attempt, outcome, urgent=True)
                slot.ahead.extend(following)
                slot.finishing = False
            while not slot.ahead and slot.settling:
                await asyncio.wait(slot.settling, return_when=asyncio.FIRST_COMPLETED)
            if not slot.ahead or self.draining:
                return
            slot.current = slot.ahead.popleft()
            self._spread()

    async def _run(self, slot: Slot) -> tuple[Attempt, dict[str, Any]]:
        loop, attempt = asyncio.get_running_loop(), Attempt(self._node, slot.current)
        began = loop.time()
        slow = loop.call_later(SLOW, self._too_slow, slot)
        try:
            outcome = await attempt.run()
        except BaseException:
            attempt.span.end()
            raise
        finally:
            slow.cancel()
        if slot.current.frames:
            self._learn(slot.current, loop.time() - began)
        return attempt, outcome

    async def _settle(self, slot: Slot, attempt: Attempt, outcome: dict[str, Any], *, urgent: bool) -> list[Assignment]:
        asked = 0

        def want() -> Want:
            nonlocal asked
            slot.asked -= asked
            wanted = self._want(slot, attempt.task)
            asked = wanted.more
            slot.asked += asked
            return wanted

        try:
            following = await self._completer.complete(attempt, outcome, want, urgent=urgent)
            if following.others_wait:
                self._give_back(slot)
            return following.tasks
        finally:
            slot.asked -= asked
            attempt.span.end()

    def _settle_aside(self, slot: Slot, attempt: Attempt, outcome: dict[str, Any]) -> None:
        job = asyncio.create_task(self._settle(slot, attempt, outcome, urgent=False))
        slot.settling[job] = attempt.task
        job.add_done_callback(partial(self._settled, slot))

    def _settled(self, slot: Slot, job: "asyncio.Task[list[Assignment]]") -> None:
        del slot.settling[job]
        if job.cancelled():
            return
        if (error := job.exception()) is not None:
            log.error("completion failed", exc_info=error)
        elif slot in self._busy.values():
            slot.ahead.extend(job.result())
        elif job.result() and not self.draining:
            self._go_on(job.result())

    # Tasks ahead

    def _want(self, slot: Slot, task: Assignment) -> Want:
        """Nothing while draining, nor right after messages had to be given back: others wait for a slot. Nor beyond the
        number of slots: there is room for what needs GPUs, not for all that follows it."""
        refused, self._refused = self._refused, False
        if self.draining or refused or len(self._busy) > self._count:
            return Want()
        others = sum(other is not task for other in slot.settling.values())
        coming = len(slot.ahead) + others + slot.asked
        length = self._length(task)
        return Want(coming < max(1, length), max(0, length - coming - 1))

    def _spread(self) -> None:
        """What a slot has ahead does not wait for it while others are free: the scheduler takes them for busy."""
        while self.free > 0:
            fullest = max(self._busy.values(), key=lambda slot: len(slot.ahead), default=None)
            if fullest is None or not fullest.ahead:
                return
            count = (len(fullest.ahead) + 1) // 2
            self._go_on([fullest.ahead.pop() for _ in range(count)][::-1])

    def _length(self, task: Assignment) -> int:
        """How many tasks like this one a slot should have ahead."""
        pace = self._paces.get((task.key.run_id, task.key.step)) if task.frames and not task.in_gang else None
        return min(MOST_AHEAD, int(AHEAD / pace), AHEAD_BYTES // max(1, len(task.raw))) if pace else 0

    def _learn(self, task: Assignment, seconds: float) -> None:
        """How long tasks of this step take: slower ones count at once, faster ones little by little."""
        key = (task.key.run_id, task.key.step)
        known = self._paces.pop(key, seconds)
        self._paces[key] = max(seconds, 0.7 * known + 0.3 * seconds, 0.001)
        if len(self._paces) > _PACES:
            self._paces.popitem(last=False)

    def _too_slow(self, slot: Slot) -> None:
        self._learn(slot.current, SLOW)
        self._give_back(slot)

    def _give_back(self, slot: Slot) -> None:
        if slot.ahead and not self.draining:
            job = asyncio.create_task(self._completer.give_back([task.held for task in slot.ahead]))
            slot.ahead.clear()
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)


def _is_old(task: Assignment) -> bool:
    return task.dispatched_at is not None and wire.age(task.dispatched_at) > _FRESH
