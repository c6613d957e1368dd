"""Commands over the bus: the handler tables' methods that declare it, at hw.cmd.v1.<service>.<method>.

The bus has already decided who may publish there; such a caller acts as a worker, whatever it says about itself.
"""

import asyncio
import time

import msgspec
import structlog
from nats.aio.msg import Msg

from headwater_server.kit import rpc
from headwater_server.kit.auth import WORKER
from headwater_server.kit.bus import Bus, Subscription
from headwater_server.kit.errors import NotFound, ServiceError
from headwater_server.kit.telemetry import REQUESTS, Tracer

log = structlog.get_logger("kit.commands")


async def serve(bus: Bus, service: str, table: dict[str, rpc.Method], tracer: Tracer) -> Subscription:
    """Answers the table's commands; all replicas of a service share them by a queue group."""
    commands = {name: method for name, method in table.items() if method.rule.command}

    async def handle(msg: Msg) -> None:
        headers = msg.headers or {}
        content_type = headers.get("Content-Type", "application/json")
        name = msg.subject.rpartition(".")[2]
        start, code = time.perf_counter(), "OK"
        try:
            method = commands.get(name)
            if method is None:
                raise NotFound(f"{service} has no command {name!r}", hint=f"It has {', '.join(sorted(commands))}.")
            with tracer.span(method.full_name[1:], headers.get("traceparent", ""), kind="server") as span:
                reply = await _carry_out(method, msg.data, content_type, rpc.Call(WORKER, span.traceparent))
            await bus.nc.publish(msg.reply, reply, headers=_typed(content_type))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if not isinstance(error, ServiceError):
                log.exception("command failed", subject=msg.subject)
            known = rpc.as_service_error(error)
            code = known.code
            await bus.nc.publish(msg.reply, msgspec.json.encode(known.as_json()), headers={"hw-error": known.code})
        finally:
            REQUESTS.labels(service, name, code).observe(time.perf_counter() - start)

    return await bus.subscribe(f"hw.cmd.v1.{service}.*", handle, queue=service, concurrency=256)


async def _carry_out(method: rpc.Method, payload: bytes, content_type: str, call: rpc.Call) -> bytes:
    if method.json_function is not None and content_type != rpc.PROTOBUF:
        method.admit(None, call)
        return await method.json_function(payload, call)
    return rpc.encode(await method.unary(rpc.decode(method.request, payload, content_type), call), content_type)


def _typed(content_type: str) -> dict[str, str] | None:
    return {"Content-Type": content_type} if content_type == rpc.PROTOBUF else None
