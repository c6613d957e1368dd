"""The RPCs of tokens: check what was asked, ask the store, answer."""

import asyncio

import asyncpg

from headwater.api.common.v1 import common_pb2
from headwater.api.gateway.v1 import gateway_pb2 as pb
from headwater_server.gateway import tokens
from headwater_server.gateway.store import Store
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import NotFound
from headwater_server.kit.identity import Authenticator
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.kit.rpc import Call

TOUCH_SECONDS = 5.0


class TokenApi:
    def __init__(self, store: Store, authenticator: Authenticator) -> None:
        self._store, self._authenticator = store, authenticator
        self._used: set[str] = set()

    async def create_token(self, request: pb.CreateTokenRequest, call: Call) -> pb.CreateTokenResponse:
        tokens.check_giver(call.identity)
        name = tokens.check_name(request.name)
        project = tokens.check_project(request.project)
        role = tokens.check_role(request.role, call.identity)
        life = tokens.check_life(request.expires_in.ToTimedelta())
        made = tokens.new_token()
        row = await self._store.create(made, name, project, role, life)
        return pb.CreateTokenResponse(token=_message(row), secret=made.secret)

    async def list_tokens(self, request: pb.ListTokensRequest, call: Call) -> pb.ListTokensResponse:
        size = page_size(request.page_size)
        position = read_page_token(request.page_token, "tokens", call.project)
        rows = await self._store.page(call.project, str(position[0]) if position else "", size + 1)
        answer = pb.ListTokensResponse(tokens=[_message(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token([rows[size - 1]["token_id"]], "tokens", call.project)
        return answer

    async def revoke_token(self, request: pb.RevokeTokenRequest, call: Call) -> pb.RevokeTokenResponse:
        tokens.check_giver(call.identity)
        hashed = await self._store.revoke(tokens.check_id(request.token_id), call.project)
        if hashed is None:
            raise NotFound(
                f"token_id: no token {request.token_id}", field="token_id", hint="`headwater token list` has them"
            )
        self._authenticator.forget(hashed)
        return pb.RevokeTokenResponse()

    async def get_caller(self, request: pb.GetCallerRequest, call: Call) -> pb.GetCallerResponse:
        actor = common_pb2.Actor(kind=call.actor.kind, name=call.actor.name, run_id=call.actor.run_id)
        return pb.GetCallerResponse(actor=actor, role=call.role, project=call.project)

    async def introspect(self, request: pb.IntrospectRequest, call: Call) -> pb.IntrospectResponse:
        row = await self._store.find(request.token_hash)
        if row is None:
            return pb.IntrospectResponse()
        if row["active"]:
            self._used.add(row["token_id"])
        return pb.IntrospectResponse(active=row["active"], token=_message(row))

    async def touch_loop(self) -> None:
        """Writes last_used_at of the tokens that were asked about, many at a time, away from the path of requests."""
        while True:
            await asyncio.sleep(TOUCH_SECONDS)
            if self._used:
                used, self._used = self._used, set()
                await self._store.touch(sorted(used))


def _message(row: asyncpg.Record) -> pb.Token:
    token = pb.Token(
        token_id=row["token_id"],
        name=row["name"],
        project=row["project"],
        role=row["role"],
        created_at=timestamp(row["created_at"]),
        revoked=row["revoked_at"] is not None,
    )
    for name in ("expires_at", "last_used_at"):
        if row[name] is not None:
            getattr(token, name).CopyFrom(timestamp(row[name]))
    return token
