"""One connection to NATS: publish, request, streams, bounded concurrency, and permission errors that say so at once.

nats-py reports a refused publish on an asynchronous callback and lets the request time out; here the two are joined.
Pull consumers live in pull.py, the rules of events in consumer.py.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import nats.errors
import structlog
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription
from nats.js import JetStreamContext

from headwater_server.kit.errors import DeadlineExceeded, InvalidArgument, PermissionDenied, ServiceError, Unavailable
from headwater_server.kit.ids import uuid7

log = structlog.get_logger("kit.bus")
Handler = Callable[[Msg], Awaitable[None]]
_QUIET = 5.0


@dataclass(frozen=True)
class StreamMessage:
    subject: str
    payload: bytes
    msg_id: str
    headers: dict[str, str] = field(default_factory=dict)


class StreamRefused(ServiceError):
    """A stream did not take a message: full, over a limit, or not there."""

    code = "UNAVAILABLE"


class Subscription:
    """A running subscription; stop() waits for nothing."""

    def __init__(self, inner: NatsSubscription) -> None:
        self._inner = inner

    async def stop(self) -> None:
        if not self._inner._closed:
            await self._inner.unsubscribe()


class Bus:
    def __init__(self, connection: NatsClient, reports: "_Reports") -> None:
        self.nc = connection
        self.js: JetStreamContext = connection.jetstream()
        self._reports = reports
        self._reconnects: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def connect(
        cls, url: str, *, identity: str, seed: Path | None = None, inbox: str = "", patience: float = 60.0
    ) -> "Bus":
        """Connects as an identity; waits up to `patience` seconds for a server that is still starting."""
        reports = _Reports()
        options: dict[str, Any] = {"nkeys_seed": str(seed)} if seed else {}
        connection = NatsClient()
        bus = cls(connection, reports)
        opening = connection.connect(
            url,
            name=f"headwater-{identity}",
            inbox_prefix=(inbox or f"_INBOX_{identity}").encode(),
            error_cb=reports.on_error,
            reconnected_cb=bus._on_reconnected,
            allow_reconnect=True,
            max_reconnect_attempts=-1,  # also for the first attempt: it ends by our patience alone
            reconnect_time_wait=0.1,  # type: ignore[arg-type]
            connect_timeout=2,
            ping_interval=20,
            **options,
        )
        try:
            await asyncio.wait_for(opening, patience)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            await connection.close()
            raise Unavailable(
                f"the message bus at {_shown(url)} does not answer: {reports.last or error}",
                hint="Is NATS up? `headwater status` tells.",
            ) from error
        return bus

    def on_reconnect(self, work: Callable[[], None]) -> None:
        """Called whenever the connection is there again: what the server only kept in memory is lost."""
        self._reconnects.append(work)

    async def _on_reconnected(self) -> None:
        log.info("connected to the bus again")
        for work in self._reconnects:
            work()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if not self.nc.is_closed:
            with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
                await asyncio.wait_for(self.nc.flush(1), 1)
            await self.nc.close()

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str] | None = None) -> None:
        """Fire and forget."""
        await self.nc.publish(subject, payload, headers=headers)

    async def request(
        self, subject: str, payload: bytes, *, headers: dict[str, str] | None = None, timeout: float = 5.0
    ) -> Msg:
        """One reply. Raises PermissionDenied, Unavailable (nobody listens, no connection) or DeadlineExceeded."""
        denied = self._reports.watch(subject)
        reply = asyncio.ensure_future(self.nc.request(subject, payload, timeout=timeout, headers=headers))
        try:
            await asyncio.wait((reply, denied), return_when=asyncio.FIRST_COMPLETED)
            if not reply.done():
                raise PermissionDenied(denied.result(), reason="BUS_PERMISSION")
            return reply.result()
        except nats.errors.NoRespondersError:
            raise Unavailable(f"nobody answers on {subject}", reason="NO_RESPONDERS") from None
        except (nats.errors.TimeoutError, TimeoutError):
            raise DeadlineExceeded(f"no answer on {subject} within {timeout:g} s") from None
        except nats.errors.MaxPayloadError:
            raise _too_large(subject, payload) from None
        except (nats.errors.Error, OSError) as error:
            raise Unavailable(f"the message bus failed: {error}") from error
        finally:
            self._reports.forget(subject, denied)
            if not reply.done():
                reply.cancel()

    async def publish_stream(
        self, subject: str, payload: bytes, *, msg_id: str, headers: dict[str, str] | None = None, timeout: float = 5.0
    ) -> int:
        """Publishes to a stream and waits until it is stored. Returns its sequence; a duplicate id is success."""
        msg = await self.request(subject, payload, headers={**(headers or {}), "Nats-Msg-Id": msg_id}, timeout=timeout)
        return _ack(msg)

    async def publish_atomic(self, messages: Sequence[StreamMessage], timeout: float = 10.0) -> None:
        """Stores all messages or none (ADR-50, at most 1000). Raises StreamRefused, e.g. because one of them was stored
        before."""
        batch = uuid7()
        try:
            for number, m in enumerate(messages[:-1], 1):
                await self.nc.publish(m.subject, m.payload, headers=_batch_headers(m, batch, number))
        except nats.errors.MaxPayloadError:
            raise StreamRefused("a message of the batch is larger than the bus takes") from None
        except (nats.errors.Error, OSError) as error:
            raise Unavailable(f"the message bus failed: {error}") from error
        last = messages[-1]
        headers = {**_batch_headers(last, batch, len(messages)), "Nats-Batch-Commit": "1"}
        _ack(await self.request(last.subject, last.payload, headers=headers, timeout=timeout))

    async def subscribe(
        self, subject: str, handler: Handler, *, queue: str = "", concurrency: int = 64
    ) -> Subscription:
        """Calls handler for each message, at most `concurrency` at a time. Errors are logged, not raised."""
        free = asyncio.Semaphore(concurrency)

        async def run(msg: Msg) -> None:
            try:
                await handler(msg)
            except Exception:
                log.exception("handler failed", subject=msg.subject)
            finally:
                free.release()

        async def receive(msg: Msg) -> None:
            await free.acquire()
            task = asyncio.create_task(run(msg))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return Subscription(await self.nc.subscribe(subject, queue=queue, cb=receive))


def _batch_headers(message: StreamMessage, batch: str, number: int) -> dict[str, str]:
    return {
        **message.headers,
        "Nats-Msg-Id": message.msg_id,
        "Nats-Batch-Id": batch,
        "Nats-Batch-Sequence": str(number),
    }


def _too_large(subject: str, payload: bytes) -> InvalidArgument:
    return InvalidArgument(f"a message for {subject} has {len(payload)} bytes, more than the bus takes")


def _ack(msg: Msg) -> int:
    answer = msgspec.json.decode(msg.data)
    if error := answer.get("error"):
        raise StreamRefused(
            f"{error.get('description', 'refused')} (err_code {error.get('err_code')})",
            err_code=error.get("err_code", 0),
        )
    return int(answer.get("seq", 0))


def _shown(url: str) -> str:
    """An address without its password."""
    scheme, found, rest = url.rpartition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2]}"


class _Reports:
    """What the client reports aside: joins "permissions violation" with the requests that wait on the same subject."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[str]]] = {}
        self._quiet_until = 0.0
        self.last = ""

    def watch(self, subject: str) -> asyncio.Future[str]:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(subject.lower(), set()).add(future)
        return future

    def forget(self, subject: str, future: asyncio.Future[str]) -> None:
        waiting = self._waiting.get(subject.lower())
        if waiting:
            waiting.discard(future)
            if not waiting:
                del self._waiting[subject.lower()]
        future.cancel()

    async def on_error(self, error: Exception) -> None:
        text = str(error)
        if "permissions violation" not in text.lower():
            self.last = text or type(error).__name__
            now = asyncio.get_running_loop().time()
            if now > self._quiet_until:  # ten a second while the server is away
                self._quiet_until = now + _QUIET
                log.warning("bus error", error=self.last)
            return
        subject = text.split('"')[1].lower() if '"' in text else ""
        log.error("refused by the bus", error=text)
        for future in self._waiting.get(subject, ()):
            if not future.done():
                future.set_result(f"the bus refuses this identity: {text.removeprefix('nats: ')}")
