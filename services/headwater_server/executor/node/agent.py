"""`python -m headwater_server worker`: composes the node agent, runs it, and stops it within a second.

Killed harder than by SIGTERM it leaves nothing behind either: zygotes and children end with the sockets it held.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import structlog

from headwater_server.executor.node.blobs import BlobCache
from headwater_server.executor.node.commands import Commands
from headwater_server.executor.node.completion import Completer
from headwater_server.executor.node.context import Node
from headwater_server.executor.node.devices import Devices
from headwater_server.executor.node.environments import Environments
from headwater_server.executor.node.limits import Limits, cpus, machine_memory_mb
from headwater_server.executor.node.memory import OomCounter
from headwater_server.executor.node.packages import Packages
from headwater_server.executor.node.session import Session
from headwater_server.executor.node.settings import Settings, parse
from headwater_server.executor.node.slots import Slots
from headwater_server.executor.node.transfers import Transfers
from headwater_server.executor.node.zygotes import Zygotes
from headwater_server.kit import logs
from headwater_server.kit.bus import Bus
from headwater_server.kit.errors import ServiceError
from headwater_server.kit.pull import Puller
from headwater_server.kit.telemetry import Tracer

log = structlog.get_logger("worker")
# Parts of the second that stopping may take.
_FINISH = 0.3
_GOODBYE = 0.3


class Agent:
    def __init__(self, settings: Settings, bus: Bus, zygotes: Zygotes) -> None:
        commands, tracer = Commands(bus), Tracer("worker")
        cache = BlobCache(settings.cache / "blobs", settings.cache_bytes)
        transfers = Transfers(commands, cache, tracer)
        packages = Packages(settings.cache / "packages", transfers)
        environments = Environments(
            settings.cache / "envs", transfers, task_environment(settings), settings.environments_bytes
        )
        self._settings = settings
        limits, devices = Limits(settings.enforce_limits), Devices(settings.gpus)
        self.node = Node(
            bus, commands, tracer, cache, transfers, packages, environments, zygotes, OomCounter(), limits, devices
        )
        self.slots = Slots(self.node, settings.slots, Completer(commands, lambda: self._session.id))
        slots, has = self.slots, what_there_is(settings)
        self._session = Session(settings, bus, commands, slots.held, slots.cancel, slots.begin, has)
        self._beating: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await asyncio.to_thread(self.node.cache.open)
        await self._session.open()
        self._beating = asyncio.create_task(self._session.beat_forever(self._tick))
        durable, slots = f"pool-{self._settings.pool}", self.slots
        slots.puller = Puller(self.node.bus, "HW_TASKS", durable, slots.deliver, lambda: slots.free)
        self.node.zygotes.start()  # not before: at the start of a platform others need the cores more
        await slots.puller.start()

    async def stop(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
        if self.slots.puller is not None:
            await self.slots.puller.stop()
        await self.slots.drain(_FINISH)
        await self._session.close(_GOODBYE)
        await self.node.transfers.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.node.bus.close(), 0.2)
        self.node.tracer.close()

    def _tick(self) -> None:
        self.node.oom.tick()
        self.node.zygotes.end_idle()
        self.node.environments.release(self.node.zygotes.interpreters())


def what_there_is(settings: Settings) -> dict[str, Any]:
    """As OpenSession says it."""
    return {
        "gpus": len(settings.gpus),
        "memoryMb": str(machine_memory_mb()),
        "cpus": cpus(),
        "gangSlots": settings.gang_slots,
    }


def task_environment(settings: Settings) -> dict[str, str]:
    """What user code sees of our environment: nothing that would let it act as the worker."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    return kept | ({"HEADWATER_URL": settings.url} if settings.url else {}) | {"PYTHONUNBUFFERED": "1"}


def scratch(settings: Settings) -> Path:
    """A directory of this process for its tasks, beside the cache so that files can be moved there. Removes what agents
    that are gone left behind."""
    parent, host = settings.cache / "tasks", socket.gethostname()
    parent.mkdir(parents=True, exist_ok=True)
    for path in parent.iterdir():
        name, _, pid = path.name.rpartition("-")
        if name == host and pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(path, ignore_errors=True)
    return parent / f"{host}-{os.getpid()}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return pid != os.getpid()


async def run(settings: Settings) -> int:
    """Until SIGTERM or SIGINT."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    zygotes = Zygotes(settings.slots, scratch(settings), task_environment(settings))
    stopping = asyncio.create_task(stopped.wait())
    running = asyncio.create_task(_serve(settings, zygotes, stopping))
    try:
        return await running
    except ServiceError as error:
        log.error("worker cannot start", error=error.message, hint=error.hint)
        return 1
    finally:
        zygotes.close()


async def _serve(settings: Settings, zygotes: Zygotes, stopping: asyncio.Task[bool]) -> int:
    connecting = asyncio.create_task(
        Bus.connect(settings.nats_url, identity=settings.identity, seed=settings.nats_seed, inbox=settings.nats_inbox)
    )
    await asyncio.wait((connecting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not connecting.done():
        connecting.cancel()
        return 0
    agent = Agent(settings, connecting.result(), zygotes)
    starting = asyncio.create_task(agent.start())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()
        await stopping
    else:
        starting.cancel()
    log.info("worker stops")
    await agent.stop()
    return 0


def main(argv: list[str]) -> int:
    settings = parse(argv)
    logs.configure(settings.log_level, settings.log_format)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(run(settings))
    return uvloop.run(run(settings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
