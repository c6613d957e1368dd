"""Is this process up, is the platform ready, and what do the metrics say."""

import asyncio
from importlib.metadata import version
from typing import Any

from starlette.responses import Response

from headwater_server.gateway.request import Request, answer, answer_json
from headwater_server.gateway.store import Store
from headwater_server.kit.errors import Unavailable
from headwater_server.kit.service import ServiceKit
from headwater_server.kit.settings import PEERS
from headwater_server.kit.telemetry import metrics_page

PATIENCE = 1.0
# An answer is good for so long: probes and pages may ask as often as they like.
FRESH = {True: 1.0, False: 0.02}


class Health:
    def __init__(self, kit: ServiceKit[Any], store: Store) -> None:
        self._kit, self._store = kit, store
        self._version = version("headwater-server")
        self._checked = -1.0
        self._states: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def healthz(self, request: Request) -> Response:
        return answer_json({"status": "ok", "version": self._version})

    async def metrics(self, request: Request) -> Response:
        return answer(metrics_page(), media="text/plain; version=0.0.4")

    async def readyz(self, request: Request) -> Response:
        states = await self._look()
        services = {name: states[name] for name in PEERS}
        body: dict[str, Any] = {"services": services, "bus": states["bus"], "database": states["database"]}
        down = sorted(name for name, state in states.items() if state != "ok")
        if down:
            error = Unavailable(f"not serving: {', '.join(down)}", hint="`headwater status` and `headwater logs` tell.")
            return answer_json(error.as_json() | body, 503)
        return answer_json({"status": "ready", **body})

    async def _look(self) -> dict[str, str]:
        async with self._lock:
            loop = asyncio.get_running_loop()
            well = all(state == "ok" for state in self._states.values())
            if not self._states or loop.time() - self._checked > FRESH[well]:
                names = ("bus", "database", *PEERS)
                found = await asyncio.gather(*(self._state(name) for name in names))
                self._states = dict(zip(names, found, strict=True))
                self._checked = loop.time()
            return self._states

    async def _state(self, name: str) -> str:
        try:
            async with asyncio.timeout(PATIENCE):
                return "ok" if await self._answers(name) else "down"
        except Exception:
            return "down"

    async def _answers(self, name: str) -> bool:
        if name == "bus":
            return self._kit.bus.nc.is_connected
        if name == "database":
            await self._store.alive()
            return True
        return name in self._kit.beside or await self._serves(name)

    async def _serves(self, service: str) -> bool:
        if self._kit.settings.peer(service) == self._kit.settings.grpc_address:
            return False  # ours to serve, and it does not yet
        from grpc_health.v1 import health_pb2, health_pb2_grpc

        stub: Any = health_pb2_grpc.HealthStub(self._kit.channel(service))
        reply = await stub.Check(health_pb2.HealthCheckRequest())
        return reply.status == health_pb2.HealthCheckResponse.SERVING
