"""Pull consumers: asks a durable consumer for as many messages as there is room for, and asks again when it goes quiet.

Needs only the rights MSG.NEXT and ACK. Does not acknowledge: the handler does.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import structlog
from nats.aio.msg import Msg

from headwater_server.kit.bus import Bus, Subscription

log = structlog.get_logger("kit.pull")
_EXPIRES = 30.0
_HEARTBEAT = 5.0


class Puller:
    """Delivers the messages of one durable consumer to `deliver`, keeping at most `capacity()` of them under way.

    capacity() is the number of further messages that would be welcome now; call wake() when it has grown.
    deliver must return quickly (queue the message or start a task).
    """

    def __init__(
        self,
        bus: Bus,
        stream: str,
        durable: str,
        deliver: Callable[[Msg], Awaitable[None]],
        capacity: Callable[[], int],
    ) -> None:
        self._bus, self._deliver, self._capacity = bus, deliver, capacity
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._name = f"{stream}/{durable}"
        self._asked = 0
        self._heard = 0.0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._subscription: Subscription | None = None
        self._inbox = ""

    async def start(self) -> "Puller":
        self._bus.on_reconnect(self._forget)
        self._inbox = self._bus.nc.new_inbox()
        self._subscription = Subscription(await self._bus.nc.subscribe(self._inbox, cb=self._receive))
        self._task = asyncio.create_task(self._run())
        return self

    async def stop(self) -> None:
        """Asks for nothing more. What was delivered stays with its handler; the rest is redelivered elsewhere."""
        if self._task:
            self._task.cancel()
        if self._subscription:
            await self._subscription.stop()

    def wake(self) -> None:
        self._changed.set()

    async def _receive(self, msg: Msg) -> None:
        self._heard = asyncio.get_running_loop().time()
        if msg.reply:  # a message of the stream; the server's own words have no reply subject
            self._asked = max(0, self._asked - 1)
            await self._deliver(msg)
        else:
            self._note(msg.headers or {})
        self._changed.set()

    def _note(self, headers: dict[str, str]) -> None:
        """100 is a heartbeat; 404, 408, 409: a request is over, with so many of its messages not delivered."""
        if headers.get("Status") == "100":
            return
        undelivered = headers.get("Nats-Pending-Messages", "")
        self._asked = max(0, self._asked - int(undelivered)) if undelivered.isdecimal() else 0
        log.debug("pull ended", consumer=self._name, description=headers.get("Description"))

    def _forget(self) -> None:
        """The server keeps requests in memory, per connection."""
        self._asked = 0
        self._changed.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            if self._asked and loop.time() - self._heard > 2 * _HEARTBEAT + 1:
                self._asked = 0  # the request was lost
            room = self._capacity() - self._asked
            if room > 0:
                await self._ask(room)
            try:
                async with asyncio.timeout(_HEARTBEAT):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _ask(self, batch: int) -> None:
        request = {"batch": batch, "expires": int(_EXPIRES * 1e9), "idle_heartbeat": int(_HEARTBEAT * 1e9)}
        try:
            await self._bus.nc.publish(self._next, msgspec.json.encode(request), reply=self._inbox)
        except Exception as error:
            log.warning("cannot pull", consumer=self._name, error=str(error))
            await asyncio.sleep(0.2)
            return
        self._asked += batch
        self._heard = asyncio.get_running_loop().time()
