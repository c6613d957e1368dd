"""Follows a whole JetStream stream from now on, in order and without gaps: one consumer per replica, however many read.

The consumer lives in the server's memory and vanishes with us. A gap, a silence or a new connection makes another one
that begins after the last message that was delivered here.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from nats.aio.msg import Msg

from headwater_server.kit.bus import Bus, Subscription
from headwater_server.kit.errors import ServiceError, Unavailable
from headwater_server.kit.ids import uuid7

log = structlog.get_logger("gateway.tail")
HEARTBEAT = 1.0
SILENCE = 3.0
Deliver = Callable[[Msg, int], Awaitable[None]]


class Tail:
    """`position` is the sequence of the last message that was delivered: what comes later has a greater one."""

    def __init__(self, bus: Bus, stream: str, deliver: Deliver) -> None:
        self._bus, self.stream, self._deliver = bus, stream, deliver
        self.position = 0
        self._name = ""
        self._expected = 1
        self._heard = 0.0
        self._reconnects = 0
        self._subscription: Subscription | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when everything that is stored from now on will be delivered."""
        self._reconnects = self._bus.nc.stats["reconnects"]
        await self._open({"deliver_policy": "new"})
        self._watch = asyncio.create_task(self._keep(), name=f"gateway:tail:{self.stream}")

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        await self._drop()

    async def _open(self, begin: dict[str, Any]) -> None:
        name, inbox = f"live-{uuid7()}", self._bus.nc.new_inbox()

        async def receive(msg: Msg) -> None:
            if self._name == name:
                await self._receive(msg)

        self._name, self._expected = name, 1
        self._heard = asyncio.get_running_loop().time()
        self._subscription = Subscription(await self._bus.nc.subscribe(inbox, cb=receive))
        config = {
            "name": name,
            "deliver_subject": inbox,
            "ack_policy": "none",
            "max_deliver": 1,
            "mem_storage": True,
            "num_replicas": 1,
            "idle_heartbeat": int(HEARTBEAT * 1e9),
            "inactive_threshold": int(10e9),
            **begin,
        }
        request = msgspec.json.encode({"stream_name": self.stream, "config": config})
        reply = await self._bus.request(f"$JS.API.CONSUMER.CREATE.{self.stream}.{name}", request)
        made = msgspec.json.decode(reply.data)
        if "error" in made:
            raise Unavailable(f"{self.stream} cannot be followed: {made['error'].get('description')}")
        if begin["deliver_policy"] == "new" and self._expected == 1:
            self.position = made["delivered"]["stream_seq"]

    async def _drop(self) -> None:
        name, self._name = self._name, ""
        with contextlib.suppress(Exception):
            if self._subscription is not None:
                await self._subscription.stop()
            if name:
                await self._bus.publish(f"$JS.API.CONSUMER.DELETE.{self.stream}.{name}", b"")

    async def _receive(self, msg: Msg) -> None:
        self._heard = asyncio.get_running_loop().time()
        if not msg.reply.startswith("$JS.ACK."):
            last = (msg.headers or {}).get("Nats-Last-Consumer")
            if last is not None and int(last) != self._expected - 1:
                self._heard = 0.0  # a gap: begin again after the last one
            return
        tokens = msg.reply.split(".")
        at = 5 if len(tokens) == 9 else 7  # with a domain and an account in front
        seq, number = int(tokens[at]), int(tokens[at + 1])
        if number != self._expected:
            self._heard = 0.0
            return
        self._expected += 1
        try:
            await self._deliver(msg, seq)
        finally:
            self.position = max(self.position, seq)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.25)
            reconnects = self._bus.nc.stats["reconnects"]
            if loop.time() - self._heard < SILENCE and reconnects == self._reconnects:
                continue
            try:
                await self._drop()
                await self._open({"deliver_policy": "by_start_sequence", "opt_start_seq": self.position + 1})
                self._reconnects = reconnects
                log.info("following again", stream=self.stream, after=self.position)
            except (ServiceError, OSError) as error:
                log.warning("cannot follow", stream=self.stream, error=str(error))
            except Exception:
                log.exception("cannot follow", stream=self.stream)
