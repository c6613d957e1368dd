"""From a bearer token to an identity, with two look-ups: the gateway for people's tokens, the scheduler for tasks'.

Answers are remembered for a short time: a revoked token works for 30 s at most, a finished attempt's for 5 s.
"""

import asyncio
from datetime import UTC
from typing import Any, Protocol

from headwater.api.common.v1 import common_pb2
from headwater.api.gateway.v1 import gateway_pb2
from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.kit.auth import (
    Actor,
    Expiring,
    Identity,
    decode_identity,
    token_hash,
    verify_service_token,
    verify_task_token,
)
from headwater_server.kit.clock import now
from headwater_server.kit.errors import Unauthenticated

_HINT = "Send `Authorization: Bearer <token>`; the embedded stack keeps its token in $HEADWATER_HOME/token."


class Peers(Protocol):
    def client(self, service: str) -> Any: ...


class Authenticator:
    def __init__(self, key: str, peers: Peers) -> None:
        self._key, self._peers = key, peers
        self._people = Expiring(30.0)
        self._attempts = Expiring(5.0)

    async def identify(self, authorization: str, on_behalf: str = "") -> Identity:
        """Raises Unauthenticated. on_behalf (an encoded identity) counts only from a service."""
        token = authorization[7:].strip() if authorization[:7].lower() == "bearer " else authorization.strip()
        if not token:
            raise Unauthenticated("no token was sent", hint=_HINT)
        if token.startswith("hw_svc_"):
            name = verify_service_token(self._key, token)
            return decode_identity(on_behalf) if on_behalf else Identity(Actor("service", name), "service")
        if token.startswith("hw_task_"):
            return await self._task(token)
        return await self._person(token)

    def forget(self, hashed: str) -> None:
        """Asks anew about the token with this hash, the next time."""
        self._people.forget(hashed)

    async def _task(self, token: str) -> Identity:
        claims = verify_task_token(self._key, token)
        at = asyncio.get_running_loop().time()
        if self._attempts.get(token, at) is None:
            key = common_pb2.TaskKey(run_id=claims.run_id, step=claims.step, path=claims.path, index=claims.index)
            request = scheduler_pb2.CheckAttemptRequest(key=key, attempt=claims.attempt)
            if not (await self._peers.client("scheduler").CheckAttempt(request)).live:
                raise Unauthenticated(f"attempt {claims.attempt} of {claims.step} is over, and its token with it")
            self._attempts.put(token, True, at)
        return claims.identity()

    async def _person(self, token: str) -> Identity:
        hashed, at = token_hash(token), asyncio.get_running_loop().time()
        known = self._people.get(hashed, at)
        if known is None:
            answer = await self._peers.client("gateway").Introspect(gateway_pb2.IntrospectRequest(token_hash=hashed))
            if not answer.active:
                raise Unauthenticated("the token is wrong, expired or revoked", hint=_HINT)
            known = Identity(Actor("user", answer.token.name), answer.token.role, answer.token.project or "*")
            expires = answer.token.expires_at
            left = expires.ToDatetime(tzinfo=UTC) - now() if expires.seconds else None
            self._people.put(hashed, known, at, left.total_seconds() if left else None)
        assert isinstance(known, Identity)
        return known
