"""Sends what webhooks are to hear, again and again for days; the rows are the truth and the log.

Signed as MLflow signs: HMAC-SHA256 of "<delivery id>.<unix time>.<body>".
"""

import asyncio
import base64
import hashlib
import hmac
import random
import time
import uuid
from typing import Any

import structlog

from headwater_server.kit.database import Database, load_queries
from headwater_server.kit.errors import ServiceError
from headwater_server.registry import outgoing
from headwater_server.registry.outgoing import Answer, Policy
from headwater_server.registry.sealing import SEALED, Seal

q = load_queries(__package__)
log = structlog.get_logger("registry.webhooks")
AT_ONCE = 16
PATIENCE = 3 * 24 * 3600.0
_FIRST, _LONGEST = 5.0, 2 * 3600.0
_SWEEP = 2.0
_GONE = 410


def headers_of(secret: str, delivery_id: str, body: str, at: float | None = None) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    headers = {
        "Content-Type": "application/json",
        "X-MLflow-Delivery-Id": delivery_id,
        "X-MLflow-Timestamp": stamp,
    }
    if secret:
        digest = hmac.new(secret.encode(), f"{delivery_id}.{stamp}.{body}".encode(), hashlib.sha256).digest()
        headers["X-MLflow-Signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def pause(attempts: int, age: float, status: int) -> float | None:
    """Seconds until the next attempt after so many that failed; None: give up."""
    if age > PATIENCE or status == _GONE:
        return None
    return min(_FIRST * 2 ** min(attempts - 1, 12), _LONGEST)


class Deliveries:
    def __init__(self, database: Database, policy: Policy, wake: asyncio.Event, seal: Seal) -> None:
        self._database, self._policy, self._wake, self._seal = database, policy, wake, seal
        self._rounds = 0

    async def call(self, url: str, sealed: str, body: str, delivery_id: str = "") -> Answer:
        """One call, now. Raises InvalidArgument, FailedPrecondition (a secret that cannot be read), OSError or
        TimeoutError."""
        ident = delivery_id or str(uuid.uuid4())
        headers = headers_of(self._seal.open(sealed), ident, body)
        return await outgoing.post(url, body.encode(), headers, self._policy)

    async def seal_all(self) -> None:
        """Seals what was stored before there was sealing."""
        for row in await self._database.fetch(q.plain_secrets, f"{SEALED}%"):
            await self._database.execute(q.seal_secret, row["id"], row["secret"], self._seal.close(row["secret"]))

    async def loop(self) -> None:
        """Delivers until nothing is due, then waits to be woken or for the next sweep."""
        await self.seal_all()
        while True:
            self._wake.clear()
            if self._rounds % 1800 == 0:
                await self._database.execute(q.forget_deliveries)
                await self._database.execute(q.give_up_deliveries, None)
            self._rounds += 1
            while await self._round():
                pass
            try:
                async with asyncio.timeout(_SWEEP):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _round(self) -> bool:
        """Was there so much that there may be more?"""
        rows = await self._database.fetch(q.claim_deliveries, AT_ONCE)
        await asyncio.gather(*(self._deliver(row) for row in rows))
        return len(rows) == AT_ONCE

    async def _deliver(self, row: Any) -> None:
        status, error = 0, ""
        try:
            answer = await self.call(row["url"], row["secret"], row["payload"], str(row["id"]))
            status = answer.status
            if not 200 <= status < 300:
                error = f"{status}: {answer.body[:500]}"
        except ServiceError as refused:
            error = refused.message
        except TimeoutError:
            error = "no answer in time"
        except OSError as broken:
            error = f"{type(broken).__name__}: {broken}"
        delay = pause(row["attempts"], row["age"], status) if error else None
        if error:
            log.info("webhook failed", delivery=str(row["id"]), attempt=row["attempts"], error=error)
        await self._settle(row, status, error, delay and delay * random.uniform(0.9, 1.1))

    async def _settle(self, row: Any, status: int, error: str, delay: float | None) -> None:
        text = error.replace("\0", "")[:1000]
        await self._database.execute(q.settle_delivery, row["id"], status, text, not error, delay)
