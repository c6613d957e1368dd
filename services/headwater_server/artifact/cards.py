"""The RPCs about cards: pages that tasks render, kept as blobs, of which each card has its newest."""

import uuid
from typing import Any

import asyncpg

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater.api.common.v1 import common_pb2
from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.artifact import facts, limits
from headwater_server.artifact.store import Store
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.identity import Peers
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.kit.rpc import Call


class CardApi:
    def __init__(self, store: Store, peers: Peers, outbox: Outbox) -> None:
        self._store, self._peers, self._outbox = store, peers, outbox

    async def put_card(self, request: pb.PutCardRequest, call: Call) -> pb.PutCardResponse:
        project, card = limits.check_project(request.project), request.card
        run = await self.run_id(request.run_id or card.key.run_id, project, call)
        if card.key.run_id and limits.full_run_id(card.key.run_id) != run:
            raise InvalidArgument("card.key.run_id: is another run than run_id", field="card.key.run_id")
        if not card.slot or not card.type or not card.key.step:
            raise InvalidArgument("card: needs slot, type and key.step", field="card")
        for field in ("slot", "type", "id", "task_id"):
            limits.check_text(getattr(card, field), f"card.{field}")
        digest = limits.check_digest(card.digest, "card.digest")
        blob = await self._store.blob(project, digest)
        if blob is None:
            raise _no_page(project, card)
        values = (
            project, run, limits.check_text(card.key.step, "card.key.step"),
            limits.check_text(card.key.path, "card.key.path"), card.key.index, card.task_id or "0", card.slot,
            card.attempt, card.sequence, card.id, card.type, digest, blob.size, card.final,
        )  # fmt: skip
        try:
            async with self._outbox.transaction() as tx:
                row = await self._store.put_card(tx.conn, *values)
                if row is None:
                    raise NotFound(f"run_id: {run} is not a run of project {project!r}", field="run_id")
                kept = _card(row)
                if row["written"]:
                    tx.emit(facts.card_updated(project, kept, row["updated_at"]), call.traceparent)
        except asyncpg.ForeignKeyViolationError:  # collected a moment ago
            raise _no_page(project, card) from None
        return pb.PutCardResponse(card=kept)

    async def list_cards(self, request: pb.ListCardsRequest, call: Call) -> pb.ListCardsResponse:
        size = page_size(request.page_size)
        run = await self.run_id(request.run_id, request.project, call)
        step, task_id = limits.check_text(request.step, "step"), limits.check_text(request.task_id, "task_id")
        digest = limits.check_digest(request.digest) if request.digest else None
        given = (request.project, run, step, task_id, digest)
        position = read_page_token(request.page_token, *given)
        wanted = (step or None, task_id or None, digest)
        rows = await self._store.cards(request.project, run, _after(position), *wanted, size + 1)
        answer = pb.ListCardsResponse(cards=[_card(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token([rows[size - 1]["id"]], *given)
        return answer

    async def run_id(self, given: str, project: str, call: Call) -> uuid.UUID:
        """The full id of a run; the scheduler knows what "latest" or the end of an id stands for."""
        full = limits.full_run_id(given)
        if full is None:
            asked = scheduler_pb2.GetRunRequest(run_id=given, project=project)
            found = await self._peers.client("scheduler").GetRun(
                asked, on_behalf=call.identity, traceparent=call.traceparent
            )
            full = uuid.UUID(found.run.run_id)
        return full


def _no_page(project: str, card: pb.Card) -> NotFound:
    text = f"card.digest: project {project!r} has no blob {card.digest}"
    return NotFound(text, field="card.digest", hint="upload the HTML as a blob first")


def _after(position: list[Any] | None) -> int:
    match position:
        case None:
            return 0
        case [int(last)] if last > 0:
            return last
    raise InvalidArgument("page_token: not a token of this list", field="page_token", hint="leave it empty to begin")


def _card(row: Any) -> pb.Card:
    key = common_pb2.TaskKey(run_id=str(row["run_id"]), step=row["step"], path=row["path"], index=row["index"])
    return pb.Card(
        key=key,
        task_id=row["task_id"],
        attempt=row["attempt"],
        slot=row["slot"],
        id=row["card_id"],
        type=row["type"],
        digest=row["digest"].hex(),
        size=row["size"],
        sequence=row["sequence"],
        final=row["final"],
        updated_at=timestamp(row["updated_at"]),
    )
