"""MLflow's registered models: the same models that `headwater models` shows."""

from collections.abc import Iterator
from typing import Any

from headwater.api.registry.v1 import registry_pb2 as pb
from headwater_server.gateway.mlflow import registry_shapes as shapes
from headwater_server.gateway.mlflow.calls import Calls
from headwater_server.gateway.mlflow.endpoints import Endpoint, Reply
from headwater_server.gateway.mlflow.errors import MlflowError
from headwater_server.gateway.mlflow.fields import at_most, may, need
from headwater_server.gateway.mlflow.registry_names import (
    alias_name,
    model_name,
    new_alias_name,
    tag_key,
    tag_value,
    tags_of,
    told_as_mlflow,
    version_number,
)
from headwater_server.gateway.request import Request
from headwater_server.kit.errors import NotFound
from headwater_server.kit.service import ServiceKit

PATH = "/mlflow/registered-models"
PROMPT = "mlflow.prompt.is_prompt"
STAGES = ("None", "Staging", "Production", "Archived")
Body = dict[str, Any]
_SEARCH = {
    "filter": may("string"),
    "max_results": may("int", at_most(1000)),
    "order_by": may("strings"),
    "page_token": may("string"),
}


class RegisteredModels:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._call = Calls(kit, "registry")

    def endpoints(self) -> Iterator[Endpoint]:
        name, read, write, promote = {"name": need("string")}, "models:read", "models:write", "models:promote"
        latest = name | {"stages": may("strings")}
        create = name | {"tags": may("array"), "description": may("string")}
        tag = name | {"key": need("string")}
        alias = name | {"alias": need("string")}
        yield Endpoint("POST", f"{PATH}/create", write, self._create, create)
        yield Endpoint("POST", f"{PATH}/rename", write, self._rename, name | {"new_name": need("string")})
        yield Endpoint("PATCH", f"{PATH}/update", write, self._update, name | {"description": may("string")})
        yield Endpoint("DELETE", f"{PATH}/delete", write, self._delete, name)
        yield Endpoint("GET", f"{PATH}/get", read, self._get, name)
        yield Endpoint("GET", f"{PATH}/search", read, self._search, _SEARCH)
        for verb in ("GET", "POST"):
            yield Endpoint(verb, f"{PATH}/get-latest-versions", read, self._latest, latest)
        yield Endpoint("POST", f"{PATH}/set-tag", write, self._set_tag, tag | {"value": may("string")})
        yield Endpoint("DELETE", f"{PATH}/delete-tag", write, self._delete_tag, tag)
        yield Endpoint("POST", f"{PATH}/alias", promote, self._set_alias, alias | {"version": need("string")})
        yield Endpoint("DELETE", f"{PATH}/alias", promote, self._delete_alias, alias)
        yield Endpoint("GET", f"{PATH}/alias", read, self._by_alias, alias)

    async def _create(self, request: Request, body: Body) -> Reply:
        name, tags = model_name(body["name"]), tags_of(body.get("tags", []))
        message = pb.CreateModelRequest(name=name, tags=tags, description=body.get("description", ""))
        try:
            with told_as_mlflow(name):
                reply = await self._call(request, "CreateModel", message)
        except MlflowError as error:
            if error.error_code == "RESOURCE_ALREADY_EXISTS":
                raise await self._taken(request, name, _is_prompt(tags)) from None
            raise
        return {"registered_model": shapes.model(reply.model)}

    async def _taken(self, request: Request, name: str, prompt: bool) -> MlflowError:
        there = (await self._call(request, "GetModel", pb.GetModelRequest(name=name))).model
        old, new = ("Prompt" if is_prompt else "Registered Model" for is_prompt in (_is_prompt(there.tags), prompt))
        text = f"{new} (name={name}) already exists."
        if old != new:
            text = (
                f"Tried to create a {new.lower()} with name {name!r}, but the name is already taken by a "
                f"{old.lower()}. MLflow does not allow creating a model and a prompt with the same name."
            )
        return MlflowError(text, "RESOURCE_ALREADY_EXISTS")

    async def _rename(self, request: Request, body: Body) -> Reply:
        name, new_name = model_name(body["name"]), model_name(body["new_name"], "new_name")
        message = pb.RenameModelRequest(name=name, new_name=new_name)
        with told_as_mlflow(name, new_name=new_name):
            reply = await self._call(request, "RenameModel", message)
        return {"registered_model": shapes.model(await self._model(request, reply.model.name))}

    async def _update(self, request: Request, body: Body) -> Reply:
        name = model_name(body["name"])
        message = pb.UpdateModelRequest(name=name, description=body.get("description", ""))
        with told_as_mlflow(name):
            await self._call(request, "UpdateModel", message)
        return {"registered_model": shapes.model(await self._model(request, name))}

    async def _delete(self, request: Request, body: Body) -> Reply:
        name = model_name(body["name"])
        with told_as_mlflow(name):
            await self._call(request, "DeleteModel", pb.DeleteModelRequest(name=name))
        return {}

    async def _get(self, request: Request, body: Body) -> Reply:
        return {"registered_model": shapes.model(await self._model(request, model_name(body["name"])))}

    async def _search(self, request: Request, body: Body) -> Reply:
        message = pb.SearchModelsRequest(
            filter=body.get("filter", ""),
            order_by=body.get("order_by", []),
            page_size=positive(body.get("max_results", 100)),
            page_token=body.get("page_token", ""),
        )
        reply = await self._call(request, "SearchModels", message)
        return page("registered_models", [shapes.model(m) for m in reply.models], reply.next_page_token)

    async def _latest(self, request: Request, body: Body) -> Reply:
        wanted = [stage(text) for text in body.get("stages", [])] or STAGES
        model = await self._model(request, model_name(body["name"]))
        return page("model_versions", [shapes.version(v) for v in model.latest_versions if v.stage in wanted], "")

    async def _set_tag(self, request: Request, body: Body) -> Reply:
        name, tags = model_name(body["name"]), {tag_key(body["key"]): tag_value(body.get("value", ""))}
        with told_as_mlflow(name):
            await self._call(request, "UpdateModel", pb.UpdateModelRequest(name=name, set_tags=tags))
        return {}

    async def _delete_tag(self, request: Request, body: Body) -> Reply:
        name, key = model_name(body["name"]), tag_key(body["key"])
        with told_as_mlflow(name):
            await self._call(request, "UpdateModel", pb.UpdateModelRequest(name=name, delete_tags=[key]))
        return {}

    async def _set_alias(self, request: Request, body: Body) -> Reply:
        name, alias = model_name(body["name"]), new_alias_name(body["alias"])
        number = version_number(body["version"])
        with told_as_mlflow(name, number):
            await self._call(request, "SetAlias", pb.SetAliasRequest(name=name, alias=alias, version=at(number, name)))
        return {}

    async def _delete_alias(self, request: Request, body: Body) -> Reply:
        name, alias = model_name(body["name"]), alias_name(body["alias"])
        try:
            with told_as_mlflow(name):
                await self._call(request, "DeleteAlias", pb.DeleteAliasRequest(name=name, alias=alias))
        except MlflowError as error:
            if "alias" not in error.message:  # one that is not there is no error
                raise
        return {}

    async def _by_alias(self, request: Request, body: Body) -> Reply:
        name, alias = model_name(body["name"]), alias_name(body["alias"])
        reference = "latest" if alias.lower() == "latest" else f"@{alias}"
        with told_as_mlflow(name, alias=alias):
            try:
                message = pb.GetModelVersionRequest(name=name, version=reference)
                reply = await self._call(request, "GetModelVersion", message)
            except NotFound as error:
                if error.reason != "VERSION_NOT_FOUND":
                    raise
                raise MlflowError(f"Latest version not found for model {name}.", "RESOURCE_DOES_NOT_EXIST") from None
        return {"model_version": shapes.version(reply.version)}

    async def _model(self, request: Request, name: str) -> pb.Model:
        with told_as_mlflow(name):
            return (await self._call(request, "GetModel", pb.GetModelRequest(name=name))).model


def page(name: str, items: list[Any], token: str) -> dict[str, Any]:
    """Empty lists are left out, as is the token after the last page."""
    return ({name: items} if items else {}) | ({"next_page_token": token} if token else {})


def at(number: str, name: str) -> str:
    """A number of a version as the registry takes it: from 1 on."""
    if int(number) < 1 or int(number) >= 2**31:
        text = f"Model Version (name={name}, version={number}) not found"
        raise MlflowError(text, "RESOURCE_DOES_NOT_EXIST")
    return number


def positive(number: int) -> int:
    if number < 1:
        text = f"Invalid value for max_results. It must be a positive integer, but got {number}"
        raise MlflowError(text)
    return number


def stage(text: str) -> str:
    found = {known.lower(): known for known in STAGES}.get(text.lower())
    if found is None:
        raise MlflowError(f"Invalid Model Version stage: {text[:100]}. Value must be one of {', '.join(STAGES)}.")
    return found


def _is_prompt(tags: Any) -> bool:
    return PROMPT in tags and tags[PROMPT].lower() == "true"
