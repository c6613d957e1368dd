"""The RPCs that find, rename and delete models and versions, and move versions between stages. No SQL here."""

from headwater.api.registry.v1 import registry_pb2 as pb
from headwater_server.kit.errors import AlreadyExists, InvalidArgument
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.kit.rpc import Call
from headwater_server.registry import facts, limits, messages
from headwater_server.registry.catalog_store import CatalogStore
from headwater_server.registry.hooks import Hooks, alias_moved, is_prompt
from headwater_server.registry.promotions import Move
from headwater_server.registry.references import parse_reference
from headwater_server.registry.search_sql import models_page, versions_page
from headwater_server.registry.stages import ARCHIVED, check_archiving, check_stage
from headwater_server.registry.store import Row, Store

MOST_MODELS = 1000
MOST_VERSIONS = 10_000
MOST_OFFSET = 10_000_000


class Catalog:
    def __init__(self, store: Store, catalog: CatalogStore, outbox: Outbox, hooks: Hooks) -> None:
        self._store, self._catalog, self._outbox, self._hooks = store, catalog, outbox, hooks

    async def rename_model(self, request: pb.RenameModelRequest, call: Call) -> pb.RenameModelResponse:
        name, new_name = limits.check_name(request.name), limits.check_name(request.new_name, "new_name")
        async with self._outbox.transaction() as tx:
            model = await self._store.lock(tx, request.project, name)
            if new_name != name:
                at = await self._catalog.rename(tx, model, new_name)
                if at is None:
                    text = f"new_name: model {new_name!r} exists in project {request.project!r}"
                    raise AlreadyExists(text, field="new_name", hint="choose another name")
                tx.emit(facts.renamed(request.project, new_name, name, call.actor, at, model["id"]), call.traceparent)
        return pb.RenameModelResponse(model=messages.model(await self._store.model(request.project, new_name)))

    async def delete_model(self, request: pb.DeleteModelRequest, call: Call) -> pb.DeleteModelResponse:
        name = limits.check_name(request.name)
        async with self._outbox.transaction() as tx:
            model = await self._store.lock(tx, request.project, name)
            at = await self._catalog.touch(tx, model)
            await self._catalog.delete_model(tx, model)
            tx.emit(facts.deleted(request.project, name, call.actor, at, model["id"]), call.traceparent)
        return pb.DeleteModelResponse()

    async def delete_model_version(
        self, request: pb.DeleteModelVersionRequest, call: Call
    ) -> pb.DeleteModelVersionResponse:
        name, reference = limits.check_name(request.name), parse_reference(request.version)
        async with self._outbox.transaction() as tx:
            model = await self._store.lock(tx, request.project, name)
            number = await self._store.number_of(model, reference, tx=tx)
            for alias in await self._catalog.aliases_of(tx, model, number):
                move = Move(alias, 0, number, f"version {number} was deleted", call.actor)
                await self._store.move(tx, model, move, call.traceparent)
                told = alias_moved(name, alias, 0, is_prompt(model["tags"]))
                await self._hooks.tell(tx, request.project, told)
            at = await self._catalog.delete_version(tx, model, number)
            event = facts.version_deleted(request.project, name, number, call.actor, at, model["id"])
            tx.emit(event, call.traceparent)
        return pb.DeleteModelVersionResponse()

    async def search_models(self, request: pb.SearchModelsRequest, call: Call) -> pb.SearchModelsResponse:
        size, offset, question = _page(request, MOST_MODELS, "models")
        found = models_page(request.project, request.filter, request.order_by, offset, size + 1)
        rows = await self._catalog.models(found)
        newest = await self._catalog.newest_of_stages([row["id"] for row in rows[:size]])
        answer = pb.SearchModelsResponse(models=[with_newest(row, newest[row["id"]]) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token([offset + size], *question)
        return answer

    async def search_model_versions(
        self, request: pb.SearchModelVersionsRequest, call: Call
    ) -> pb.SearchModelVersionsResponse:
        size, offset, question = _page(request, MOST_VERSIONS, "versions")
        found = versions_page(request.project, request.filter, request.order_by, offset, size + 1)
        rows = await self._catalog.versions(found)
        answer = pb.SearchModelVersionsResponse(versions=[messages.version(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token([offset + size], *question)
        return answer

    async def set_stage(self, request: pb.SetStageRequest, call: Call) -> pb.SetStageResponse:
        name, reference = limits.check_name(request.name), parse_reference(request.version)
        stage = check_stage(request.stage)
        if request.archive_existing:
            check_archiving(stage)
        async with self._outbox.transaction() as tx:
            model = await self._store.lock(tx, request.project, name)
            number = await self._store.number_of(model, reference, tx=tx)
            if request.archive_existing:
                for other in await self._catalog.others_of_stage(tx, model, number, stage):
                    await self._move(tx, model, other, ARCHIVED, call)
            await self._move(tx, model, number, stage, call)
            row = await self._store.version(model, number, tx)
        return pb.SetStageResponse(version=messages.version(row))

    async def _move(self, tx: OutboxTransaction, model: Row, number: int, stage: str, call: Call) -> None:
        before = (await self._store.version(model, number, tx))["stage"]
        if before == stage:
            return
        await self._catalog.set_stage(tx, model, number, stage)
        at = await self._catalog.touch(tx, model)
        event = facts.stage_changed(model["project"], model["name"], number, stage, before, call.actor, at)
        tx.emit(event, call.traceparent)


def with_newest(row: Row, newest: list[Row]) -> pb.Model:
    answer = messages.model(row)
    answer.latest_versions.extend(messages.version(version) for version in newest)
    return answer


def _page(
    request: pb.SearchModelsRequest | pb.SearchModelVersionsRequest, most: int, what: str
) -> tuple[int, int, tuple[object, ...]]:
    """Size and offset of the page, and the question that its token belongs to."""
    question = (what, request.project, request.filter, list(request.order_by))
    match read_page_token(request.page_token, *question):
        case None:
            offset = 0
        case [int(number)] if 0 <= number <= MOST_OFFSET:
            offset = number
        case _:
            raise InvalidArgument("page_token: not a token of this list", field="page_token")
    return page_size(request.page_size, most=most), offset, question
