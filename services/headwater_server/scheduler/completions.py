"""Completions that wait at the same time share a transaction (group commit): under load a commit settles up to 64
tasks, and an idle scheduler adds no delay. What a transaction does is in settlement.py."""

import asyncio
from collections.abc import Callable

import structlog

from headwater_server.kit.database import CONFLICT, LOST
from headwater_server.kit.errors import ServiceError, Unavailable
from headwater_server.kit.outbox import Outbox
from headwater_server.scheduler.endings import Endings
from headwater_server.scheduler.settlement import Completion, Settled, Settlement
from headwater_server.scheduler.store import Store

log = structlog.get_logger("scheduler.completions")
BATCH = 64
Waiting = list[tuple[Completion, "asyncio.Future[Settled]"]]


class Completions:
    def __init__(
        self,
        store: Store,
        outbox: Outbox,
        endings: Endings,
        wake: Callable[[str], None],
        look_up: Callable[[], None],
        fair: Callable[[str], bool],
        binds: Callable[[str, int], bool],
        secret: str,
    ) -> None:
        """wake(pool): something may be handed out there; look_up(): something may be taken over from earlier runs;
        fair(pool): no other run waits for a slot of it; binds(pool, max_workers): it may be less than all slots there;
        secret: signs the tokens of tasks."""
        self._store, self._outbox, self._endings = store, outbox, endings
        self._wake, self._look_up, self._fair, self._binds, self._secret = wake, look_up, fair, binds, secret
        self._waiting: Waiting = []
        self._more = asyncio.Event()

    async def complete(self, completion: Completion) -> Settled:
        """Returns once it is committed. Raises Unavailable: say it again."""
        future: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
        self._waiting.append((completion, future))
        self._more.set()
        return await future

    async def loop(self) -> None:
        while True:
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            batch.sort(key=lambda item: item[0].key.run_id)
            try:
                await self._settle(batch)
            except asyncio.CancelledError:
                _refuse(batch, Unavailable("this scheduler is stopping; say it again"))
                raise

    async def _settle(self, batch: Waiting) -> None:
        try:
            answers = await self._transaction([completion for completion, _ in batch])
        except (*LOST, *CONFLICT) as error:
            log.warning("not settled", completions=len(batch), error=str(error))
            _refuse(batch, Unavailable(f"the completion was not stored, say it again: {error}"))
        except Exception as error:
            if len(batch) > 1:
                for item in batch:  # one of them spoils the transaction of all
                    await self._settle([item])
                return
            if not isinstance(error, ServiceError):
                log.exception("cannot settle", key=str(batch[0][0].key))
            _refuse(batch, error)
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    async def _transaction(self, completions: list[Completion]) -> list[Settled]:
        infos = {c.key.run_id: await self._store.info(c.key.run_id) for c in completions}
        async with self._outbox.transaction() as tx:
            settlement = Settlement(tx, self._store, self._endings, infos, self._fair, self._binds, self._secret)
            answers = await settlement.settle(completions)
        if settlement.looks_up:
            self._look_up()
        for pool in settlement.pools:
            self._wake(pool)
        return answers


def _refuse(batch: Waiting, error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
