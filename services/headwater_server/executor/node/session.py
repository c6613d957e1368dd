"""The agent's session with the scheduler: opened, kept alive by heartbeats, opened anew when it is forgotten."""

import asyncio
import random
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog
from nats.aio.msg import Msg

from headwater_server.executor.node import wire
from headwater_server.executor.node.commands import Commands, Pauses
from headwater_server.executor.node.settings import Settings
from headwater_server.executor.node.wire import Assignment, Held
from headwater_server.kit.bus import Bus, Subscription
from headwater_server.kit.errors import ServiceError

log = structlog.get_logger("worker.session")


def _read(data: bytes) -> Assignment | None:
    try:
        return wire.read_assignment(data)
    except msgspec.MsgspecError as error:
        log.error("task not understood", error=str(error))
        return None


def _read_id(file: Path | None) -> str:
    """The session that a worker left behind; "": none."""
    with suppress(OSError, ValueError):
        return str(uuid.UUID(file.read_text().strip())) if file is not None else ""
    return ""


class Session:
    """held() → (free slots, attempts held); cancel(attempts) stops them; begin(tasks): they were given to this worker;
    has: what it has for tasks besides slots, as OpenSession says it."""

    def __init__(
        self,
        settings: Settings,
        bus: Bus,
        commands: Commands,
        held: Callable[[], tuple[int, list[Held]]],
        cancel: Callable[[list[Held]], None],
        begin: Callable[[list[Assignment]], None],
        has: dict[str, Any],
    ) -> None:
        self._begin, self._has = begin, has
        self._settings, self._bus, self._commands = settings, bus, commands
        self._held, self._cancel = held, cancel
        self.id = ""
        self._interval = 5.0
        self._file = settings.session_file
        self._dead = _read_id(self._file)
        self._control: Subscription | None = None
        self._reopening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Returns once the scheduler has given us a session, however long that takes."""
        s = self._settings
        told = {"pool": s.pool, "name": s.name, "slots": s.slots, "labels": s.labels, "address": s.address}
        told |= self._has
        body = msgspec.json.encode(told)
        pauses, said = Pauses(), False
        while True:
            try:
                data = await self._commands.once("scheduler", "open_session", body)
                reply = msgspec.json.decode(data, type=wire.OpenReply)
                break
            except (ServiceError, msgspec.MsgspecError) as error:
                (log.debug if said else log.warning)("waiting for the scheduler", error=str(error))
                said = True
            await pauses.wait()
        previous, self._control = self._control, None
        self.id = reply.session_id
        self._interval = max(0.1, reply.heartbeat_interval)
        await self._bury()
        self._control = await self._bus.subscribe(f"hw.ctl.v1.{s.pool}.{self.id}", self._on_control, concurrency=1)
        if previous is not None:
            await previous.stop()
        await self.beat()
        log.info("session open", session=self.id, pool=s.pool, slots=s.slots)

    async def _bury(self) -> None:
        """Ends the session of the worker that this one was started for, so that nobody waits for its lease, and keeps
        the id of our own for the next one."""
        dead, self._dead = self._dead, ""
        if dead:
            log.warning("started again after a death", session=self.id, dead=dead)
            with suppress(ServiceError):  # its lease will lapse
                body = msgspec.json.encode({"sessionId": dead, "lost": True})
                await self._commands.once("scheduler", "close_session", body)
        if self._file is not None:
            with suppress(OSError):
                self._file.write_text(self.id)

    async def beat(self) -> None:
        free, held = self._held()
        body = {"sessionId": self.id, "free": free, "held": held}
        with suppress(Exception):  # the next one tells the same
            await self._bus.publish(f"hw.hb.v1.{self._settings.pool}.{self.id}", msgspec.json.encode(body))

    async def beat_forever(self, tick: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(self._interval * random.uniform(0.95, 1.0))
            tick()
            await self.beat()

    async def close(self, timeout: float) -> None:
        """What is still held goes to another worker at once."""
        if self._reopening is not None:
            self._reopening.cancel()
        if not self.id:
            return
        try:
            body = msgspec.json.encode({"sessionId": self.id})
            await self._commands.once("scheduler", "close_session", body, timeout=timeout)
        except ServiceError as error:
            log.warning("session not closed; its lease will lapse", error=str(error))
            return
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    async def _on_control(self, msg: Msg) -> None:
        try:
            control = msgspec.json.decode(msg.data, type=wire.Control)
        except msgspec.MsgspecError as error:
            log.error("control message not understood", error=str(error))
            return
        if control.cancel:
            self._cancel(control.cancel)
        if control.run and msg.subject.endswith(f".{self.id}"):
            self._begin([task for raw in control.run if (task := _read(bytes(raw))) is not None])
        if control.reopen and msg.subject.endswith(f".{self.id}") and not self._is_reopening():
            log.warning("the scheduler does not know our session", session=self.id)
            self._reopening = asyncio.create_task(self.open())

    def _is_reopening(self) -> bool:
        return self._reopening is not None and not self._reopening.done()
