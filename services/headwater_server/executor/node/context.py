"""What the parts of one agent share. Made once, in agent.py."""

from dataclasses import dataclass
from typing import Any

import msgspec

from headwater_server.executor.node import devices, frames
from headwater_server.executor.node.blobs import BlobCache
from headwater_server.executor.node.commands import Commands
from headwater_server.executor.node.devices import Devices
from headwater_server.executor.node.environments import Environments
from headwater_server.executor.node.limits import Limits
from headwater_server.executor.node.memory import OomCounter
from headwater_server.executor.node.packages import Packages
from headwater_server.executor.node.transfers import Transfers
from headwater_server.executor.node.wire import Assignment
from headwater_server.executor.node.zygotes import Zygotes
from headwater_server.kit.bus import Bus
from headwater_server.kit.telemetry import Tracer


@dataclass
class Node:
    bus: Bus
    commands: Commands
    tracer: Tracer
    cache: BlobCache
    transfers: Transfers
    packages: Packages
    environments: Environments
    zygotes: Zygotes
    oom: OomCounter
    limits: Limits
    devices: Devices

    def task_frame(self, task: Assignment, traceparent: str, gpus: tuple[str, ...], extra: dict[str, Any]) -> bytes:
        """The frame that gives a child its task, with the assignment as it came."""
        environment = {"HEADWATER_CODE_PACKAGE": task.code.package}
        if self.devices.names:
            environment |= devices.environment(gpus)
        if task.in_gang:
            environment["HEADWATER_MAIN_ADDRESS"] = task.main_address
        if self.tracer.enabled:
            environment["TRACEPARENT"] = traceparent
        rest = msgspec.json.encode({"cache": str(self.cache.root), "environment": environment, **extra})
        return frames.encode_raw(b'{"op":"task","task":' + task.raw + b"," + rest[1:])
