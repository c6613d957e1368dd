"""The slots of an agent: what runs in them, and when one is free again.

A slot runs an attempt, completes it, and goes on with the task that the scheduler's reply may carry.
"""

import asyncio

import msgspec
import structlog
from nats.aio.msg import Msg

from headwater_server.executor.node import wire
from headwater_server.executor.node.attempt import Attempt
from headwater_server.executor.node.completion import Completer
from headwater_server.executor.node.context import Node
from headwater_server.executor.node.wire import Assignment, Held
from headwater_server.kit.pull import Puller

log = structlog.get_logger("worker.slots")
# A message that is older (seconds) may be about a task that went to somebody else meanwhile.
_FRESH = 10.0


class Slots:
    def __init__(self, node: Node, count: int, completer: Completer) -> None:
        self._node, self._count, self._completer = node, count, completer
        self._busy: dict[asyncio.Task[None], Assignment] = {}
        self._finishing: set[asyncio.Task[None]] = set()
        self._refused = False
        self.draining = False
        self.puller: Puller | None = None

    @property
    def free(self) -> int:
        return 0 if self.draining else self._count - len(self._busy)

    def held(self) -> tuple[int, list[Held]]:
        return self.free, [task.held for task in self._busy.values()]

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
        if not self._is_running(task):
            self._cancel_older(task)
            self._start(task, check=meta.num_delivered > 1 or _is_old(task) or task.in_gang)
        await msg.ack()

    def cancel(self, attempts: list[Held]) -> None:
        """Stops them; nothing is completed."""
        wanted = set(attempts)
        for slot, task in list(self._busy.items()):
            if task.held in wanted:
                log.info("task cancelled", task=task.name)
                slot.cancel()

    def _cancel_older(self, task: Assignment) -> None:
        """A newer attempt came here while we still hold an older one: its result would be refused."""
        self.cancel([o.held for o in self._busy.values() if o.key == task.key and o.attempt < task.attempt])

    async def drain(self, patience: float) -> None:
        """Lets completions that are under way finish, kills everything else. Takes nothing more."""
        self.draining = True
        for slot in list(self._busy):
            if slot not in self._finishing:
                slot.cancel()
        if self._busy:
            await asyncio.wait(list(self._busy), timeout=patience)
        for slot in list(self._busy):
            slot.cancel()
        if self._busy:
            await asyncio.wait(list(self._busy), timeout=patience)

    def _is_running(self, task: Assignment) -> bool:
        return any(other.held == task.held for other in self._busy.values())

    def _start(self, task: Assignment, *, check: bool) -> None:
        slot = asyncio.create_task(self._work(task, check))
        self._busy[slot] = task
        slot.add_done_callback(self._ended)

    def _ended(self, slot: asyncio.Task[None]) -> None:
        del self._busy[slot]
        if not slot.cancelled() and (error := slot.exception()) is not None:
            log.error("slot failed", exc_info=error)
        if self.puller is not None:
            self.puller.wake()

    async def _work(self, task: Assignment, check: bool) -> None:
        slot = asyncio.current_task()
        assert slot is not None
        if check and not await self._completer.claim(task):
            log.info("task not ours any more", task=task.name)
            return
        following: Assignment | None = task
        while following is not None:
            self._busy[slot] = task = following
            attempt = Attempt(self._node, task)
            try:
                outcome = await attempt.run()
                self._finishing.add(slot)
                following = await self._completer.complete(attempt, outcome, want_next=self._wants_next)
            finally:
                self._finishing.discard(slot)
                attempt.span.end()

    def _wants_next(self) -> bool:
        """Not while draining, nor right after messages had to be given back: others wait for a slot."""
        refused, self._refused = self._refused, False
        return not self.draining and not refused


def _is_old(task: Assignment) -> bool:
    return task.dispatched_at is not None and wire.age(task.dispatched_at) > _FRESH
