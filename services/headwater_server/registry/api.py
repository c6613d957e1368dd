"""The RPCs of the registry: check what was sent, ask the store, answer. No SQL here."""

from headwater.api.registry.v1 import registry_pb2 as pb
from headwater_server.kit.errors import AlreadyExists, InvalidArgument
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.kit.rpc import Call
from headwater_server.registry import facts, hooks, limits, messages, origin
from headwater_server.registry.blobs import Blobs
from headwater_server.registry.catalog import with_newest
from headwater_server.registry.catalog_store import CatalogStore
from headwater_server.registry.hooks import Hooks
from headwater_server.registry.logged_models import note_version
from headwater_server.registry.promotions import Move, check_expected, check_reason
from headwater_server.registry.references import parse_reference
from headwater_server.registry.store import Row, Store
from headwater_server.registry.tags import changed

_BEYOND = 2**31 - 1
_BEYOND_IDS = 2**63 - 1


class RegistryApi:
    def __init__(
        self,
        store: Store,
        catalog: CatalogStore,
        blobs: Blobs,
        outbox: Outbox,
        hooks: Hooks,
        demanding: frozenset[str],
    ) -> None:
        self._store, self._catalog, self._blobs = store, catalog, blobs
        self._outbox, self._hooks, self._demanding = outbox, hooks, demanding

    # Models

    async def create_model(self, request: pb.CreateModelRequest, call: Call) -> pb.CreateModelResponse:
        name = limits.check_name(request.name)
        description = limits.check_text(request.description, "description", limits.MAX_DESCRIPTION)
        tags = limits.check_tags(request.tags)
        async with self._outbox.transaction() as tx:
            if not await self._store.create_model(tx, request.project, name, description, tags, call):
                text = f"name: model {name!r} exists in project {request.project!r}"
                raise AlreadyExists(text, field="name", hint="use it as it is, or choose another name")
            await self._hooks.tell(tx, request.project, hooks.model_created(name, tags, description))
        return pb.CreateModelResponse(model=messages.model(await self._store.model(request.project, name)))

    async def get_model(self, request: pb.GetModelRequest, call: Call) -> pb.GetModelResponse:
        row = await self._store.model(request.project, limits.check_name(request.name))
        newest = await self._catalog.newest_of_stages([row["id"]])
        return pb.GetModelResponse(model=with_newest(row, newest[row["id"]]))

    async def list_models(self, request: pb.ListModelsRequest, call: Call) -> pb.ListModelsResponse:
        size = page_size(request.page_size)
        question = ("models", request.project)
        after = _text(read_page_token(request.page_token, *question))
        rows = await self._store.models(request.project, after, size + 1)
        answer = pb.ListModelsResponse(models=[messages.model(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token([rows[size - 1]["name"]], *question)
        return answer

    async def update_model(self, request: pb.UpdateModelRequest, call: Call) -> pb.UpdateModelResponse:
        name = limits.check_name(request.name)
        async with self._outbox.transaction() as tx:
            model = await self._store.lock(tx, request.project, name)
            description, tags = _after(model, request)
            if (description, tags) != (model["description"], model["tags"]):
                at = await self._store.update_model(tx, model, description, tags)
                event = facts.updated(request.project, name, 0, description, tags, call.actor, at)
                tx.emit(event, call.traceparent)
                told = hooks.tags_changed(name, 0, model["tags"], tags, hooks.is_prompt(tags))
                await self._hooks.tell(tx, request.project, told)
        return pb.UpdateModelResponse(model=messages.model(await self._store.model(request.project, name)))

    # Versions

    async def create_model_version(
        self, request: pb.CreateModelVersionRequest, call: Call
    ) -> pb.CreateModelVersionResponse:
        name = limits.check_name(request.name)
        new = {
            "digest": limits.check_digest(request.digest),
            "size": limits.check_size(request.size),
            "encoding": limits.check_word(request.encoding, "encoding"),
            "type": limits.check_word(request.type, "type"),
            "description": limits.check_text(request.description, "description", limits.MAX_DESCRIPTION),
            "tags": limits.check_tags(request.tags),
            "metrics": limits.check_metrics(request.metrics),
            "signature": origin.signature_of(request.signature),
            "lineage": origin.lineage_of(request.lineage, call.actor),
            "request_id": limits.check_request_id(request.request_id),
            "source": limits.check_word(request.source, "source", limits.MAX_URI),
            "storage_uri": limits.check_word(request.storage_uri, "storage_uri", limits.MAX_URI),
            "run_link": limits.check_word(request.run_link, "run_link", limits.MAX_URI),
            "logged_model": limits.check_word(request.model_id, "model_id"),
        }
        if request.digest:
            new["size"] = await self._blobs.check(request.project, request.digest, request.size, call)
        async with self._outbox.transaction() as tx:
            if not request.model_must_exist and await self._store.create_model(tx, request.project, name, "", {}, call):
                await self._hooks.tell(tx, request.project, hooks.model_created(name, {}, ""))
            model = await self._store.lock(tx, request.project, name)
            number = await self._store.add_version(tx, model, new, call)
            if number > model["latest_version"]:
                await self._hooks.tell(tx, request.project, hooks.version_created(name, number, new))
                await note_version(tx, request.project, request.model_id, name, number)
            row = await self._store.version(model, number, tx)
        return pb.CreateModelVersionResponse(version=messages.version(row))

    async def get_model_version(self, request: pb.GetModelVersionRequest, call: Call) -> pb.GetModelVersionResponse:
        reference = parse_reference(request.version)
        model = await self._store.find(request.project, limits.check_name(request.name))
        row = await self._store.version(model, await self._store.number_of(model, reference))
        return pb.GetModelVersionResponse(version=messages.version(row))

    async def list_model_versions(
        self, request: pb.ListModelVersionsRequest, call: Call
    ) -> pb.ListModelVersionsResponse:
        size = page_size(request.page_size)
        question = ("versions", request.project, request.name)
        before = _number(read_page_token(request.page_token, *question), _BEYOND)
        model = await self._store.find(request.project, limits.check_name(request.name))
        rows = await self._store.versions(model, before, size + 1)
        answer = pb.ListModelVersionsResponse(versions=[messages.version(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token([rows[size - 1]["version"]], *question)
        return answer

    async def update_model_version(
        self, request: pb.UpdateModelVersionRequest, call: Call
    ) -> pb.UpdateModelVersionResponse:
        name, reference = limits.check_name(request.name), parse_reference(request.version)
        async with self._outbox.transaction() as tx:
            model = await self._store.lock(tx, request.project, name)
            number = await self._store.number_of(model, reference, tx=tx)
            row = await self._store.version(model, number, tx)
            description, tags = _after(row, request)
            if (description, tags) != (row["description"], row["tags"]):
                at = await self._store.update_version(tx, model, number, description, tags)
                event = facts.updated(request.project, name, number, description, tags, call.actor, at)
                tx.emit(event, call.traceparent)
                told = hooks.tags_changed(name, number, row["tags"], tags, hooks.is_prompt(model["tags"]))
                await self._hooks.tell(tx, request.project, told)
                row = await self._store.version(model, number, tx)
        return pb.UpdateModelVersionResponse(version=messages.version(row))

    # Aliases

    async def set_alias(self, request: pb.SetAliasRequest, call: Call) -> pb.SetAliasResponse:
        """A repeated request changes nothing, nor does one that finds the alias where it wants it: the answer is the
        promotion that has brought it there."""
        name, alias = limits.check_name(request.name), limits.check_alias(request.alias)
        reference = parse_reference(request.version)
        reason = limits.check_text(request.reason, "reason", limits.MAX_REASON)
        metrics, request_id = limits.check_metrics(request.metrics), limits.check_request_id(request.request_id)
        check_reason(alias, reason, self._demanding)
        async with self._outbox.transaction() as tx:
            model = await self._store.lock(tx, request.project, name)
            row = await self._store.moved_before(tx, model, request_id, alias)
            if row is None:
                number = await self._store.number_of(model, reference, tx=tx)
                now = await self._store.pointed(tx, model, alias)
                if request.HasField("expected_version"):
                    check_expected(alias, now, request.expected_version)
                if now == number:
                    row = await self._store.standing(tx, model, alias)
                else:
                    evidence = metrics or (await self._store.version(model, number, tx))["metrics"]
                    move = Move(alias, number, now, reason, call.actor, evidence, request_id)
                    row = await self._store.move(tx, model, move, call.traceparent)
                    told = hooks.alias_moved(name, alias, number, hooks.is_prompt(model["tags"]))
                    await self._hooks.tell(tx, request.project, told)
        return pb.SetAliasResponse(promotion=messages.promotion(row))

    async def delete_alias(self, request: pb.DeleteAliasRequest, call: Call) -> pb.DeleteAliasResponse:
        name, alias = limits.check_name(request.name), limits.check_alias(request.alias)
        reason = limits.check_text(request.reason, "reason", limits.MAX_REASON)
        check_reason(alias, reason, self._demanding)
        async with self._outbox.transaction() as tx:
            model = await self._store.lock(tx, request.project, name)
            now = await self._store.pointed(tx, model, alias)
            if not now:
                raise await self._store.no_alias(tx, model, alias)
            row = await self._store.move(tx, model, Move(alias, 0, now, reason, call.actor), call.traceparent)
            told = hooks.alias_moved(name, alias, 0, hooks.is_prompt(model["tags"]))
            await self._hooks.tell(tx, request.project, told)
        return pb.DeleteAliasResponse(promotion=messages.promotion(row))

    async def list_promotions(self, request: pb.ListPromotionsRequest, call: Call) -> pb.ListPromotionsResponse:
        size = page_size(request.page_size)
        question = ("promotions", request.project, request.name, request.alias)
        before = _number(read_page_token(request.page_token, *question), _BEYOND_IDS)
        alias = limits.check_alias(request.alias) if request.alias else ""
        model = await self._store.find(request.project, limits.check_name(request.name))
        rows = await self._store.promotions(model, alias, before, size + 1)
        answer = pb.ListPromotionsResponse(promotions=[messages.promotion(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token([rows[size - 1]["id"]], *question)
        return answer


def _after(row: Row, request: pb.UpdateModelRequest | pb.UpdateModelVersionRequest) -> tuple[str, dict[str, str]]:
    """Description and tags as they are to be."""
    description = row["description"]
    if request.HasField("description"):
        description = limits.check_text(request.description, "description", limits.MAX_DESCRIPTION)
    return description, changed(row["tags"], limits.check_tags(request.set_tags, "set_tags"), request.delete_tags)


def _text(position: list[object] | None) -> str:
    match position:
        case None:
            return ""
        case [str(text)] if "\0" not in text:
            return text
    raise _no_token()


def _number(position: list[object] | None, beyond: int) -> int:
    match position:
        case None:
            return beyond
        case [int(number)] if 0 <= number <= beyond:
            return number
    raise _no_token()


def _no_token() -> InvalidArgument:
    return InvalidArgument("page_token: not a token of this list", field="page_token", hint="leave it empty to begin")
