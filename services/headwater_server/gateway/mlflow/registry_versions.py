"""MLflow's model versions: versions of the models of `headwater models`; their files lie where MLflow put them."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from headwater.api.registry.v1 import logged_models_pb2
from headwater.api.registry.v1 import registry_pb2 as pb
from headwater.api.tracking.v1 import mlflow_pb2
from headwater_server.gateway.mlflow import registry_shapes as shapes
from headwater_server.gateway.mlflow import sources
from headwater_server.gateway.mlflow.calls import Calls
from headwater_server.gateway.mlflow.endpoints import Endpoint, Reply
from headwater_server.gateway.mlflow.errors import MlflowError
from headwater_server.gateway.mlflow.fields import at_most, may, need
from headwater_server.gateway.mlflow.registry import PROMPT, STAGES, at, page, positive, stage
from headwater_server.gateway.mlflow.registry_names import (
    model_name,
    tag_key,
    tag_value,
    tags_of,
    told_as_mlflow,
    version_number,
)
from headwater_server.gateway.request import Request
from headwater_server.kit.errors import NotFound
from headwater_server.kit.service import ServiceKit

PATH = "/mlflow/model-versions"
_RUN_ID = re.compile(r"[A-Za-z0-9][\w\-]{0,255}\Z")
_PLACES = ("source", "run_id", "run_link", "description", "model_id")
Body = dict[str, Any]
_SEARCH = {
    "filter": may("string"),
    "max_results": may("int", at_most(200_000)),
    "order_by": may("strings"),
    "page_token": may("string"),
}


class ModelVersions:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._call, self._tracking = Calls(kit, "registry"), Calls(kit, "tracking")

    def endpoints(self) -> Iterator[Endpoint]:
        read, write, promote = "models:read", "models:write", "models:promote"
        one = {"name": need("string"), "version": need("string")}
        create = {"name": need("string"), "tags": may("array")} | {name: may("string") for name in _PLACES}
        move = one | {"stage": need("string"), "archive_existing_versions": may("bool")}
        tag = one | {"key": need("string")}
        yield Endpoint("POST", f"{PATH}/create", write, self._create, create | {"source": need("string")})
        yield Endpoint("PATCH", f"{PATH}/update", write, self._update, one | {"description": may("string")})
        yield Endpoint("POST", f"{PATH}/transition-stage", promote, self._transition, move)
        yield Endpoint("DELETE", f"{PATH}/delete", write, self._delete, one)
        yield Endpoint("GET", f"{PATH}/get", read, self._get, one)
        yield Endpoint("GET", f"{PATH}/search", read, self._search, _SEARCH)
        yield Endpoint("GET", f"{PATH}/get-download-uri", read, self._uri, one)
        yield Endpoint("POST", f"{PATH}/set-tag", write, self._set_tag, tag | {"value": may("string")})
        yield Endpoint("DELETE", f"{PATH}/delete-tag", write, self._delete_tag, tag)

    async def _create(self, request: Request, body: Body) -> Reply:
        name, tags = model_name(body["name"]), tags_of(body.get("tags", []))
        message = pb.CreateModelVersionRequest(
            name=name,
            tags=tags,
            source=body["source"],
            storage_uri=body["source"],
            run_link=body.get("run_link", ""),
            description=body.get("description", ""),
            model_id=body.get("model_id", ""),
            model_must_exist=True,
        )
        message.lineage.run_id = body.get("run_id", "")
        if tags.get(PROMPT, "false").lower() == "true":
            sources.check_prompt(body["source"])
        else:
            await self._locate(request, body, message)
        with told_as_mlflow(name):
            made = (await self._call(request, "CreateModelVersion", message)).version
        return {"model_version": shapes.version(made)}

    async def _locate(self, request: Request, body: Body, message: pb.CreateModelVersionRequest) -> None:
        """Fills in where the files lie and which run and logged model they are of."""
        other = sources.version_of(message.source)
        if other is not None:
            return await self._copy(request, body, message, other)
        sources.check_source(message.source, message.lineage.run_id, message.model_id)
        model_id = message.model_id or sources.logged_model_of(message.source)
        if model_id:
            model = await self._logged(request, model_id, message.source)
            message.storage_uri = model.artifact_uri if sources.logged_model_of(message.source) else message.source
            message.lineage.run_id = message.lineage.run_id or model.source_run_id
        elif message.source.lower().startswith("mlflow-artifacts:"):
            await self._check_run(request, message.lineage.run_id, message.source)
        return None

    async def _copy(
        self, request: Request, body: Body, message: pb.CreateModelVersionRequest, other: sources.OfModel
    ) -> None:
        """A version of another version's files."""
        source = message.source
        reference = other.version
        if not reference.startswith("@"):
            reference = await self._number(request, other)
        with told_as_mlflow(other.name, other.version, other.version[1:]):
            found = await self._call(
                request, "GetModelVersion", pb.GetModelVersionRequest(name=other.name, version=reference)
            )
        there = found.version
        if there.tags.get(PROMPT, "").lower() == "true":
            text = f"Invalid model version source: '{source}'. Prompt versions cannot be used as model version sources."
            raise MlflowError(text)
        given = {"run_id": shapes.run_id_of(there.lineage.run_id), "model_id": there.model_id}
        if any(name in body and body[name] != value for name, value in given.items()):
            raise MlflowError(
                f"Invalid model version source: '{source}'. The run_id and model_id request parameters must match "
                "the referenced model version."
            )
        message.source = f"models:/{other.name}/{there.version}"
        message.storage_uri = there.storage_uri or there.source
        message.lineage.run_id, message.model_id = given["run_id"], given["model_id"]
        message.digest, message.size = there.digest, there.size
        message.encoding, message.type = there.encoding, there.type

    async def _number(self, request: Request, other: sources.OfModel) -> str:
        """A version, "latest", or a stage of which the newest is meant."""
        if other.version.isdecimal() or other.version.lower() == "latest":
            return at(other.version, other.name) if other.version.isdecimal() else "latest"
        wanted = stage(other.version)
        with told_as_mlflow(other.name):
            model = (await self._call(request, "GetModel", pb.GetModelRequest(name=other.name))).model
        for version in model.latest_versions:
            if version.stage == wanted:
                return str(version.version)
        text = f"No versions of model with name '{other.name}' and stage '{wanted}' found"
        raise MlflowError(text, "RESOURCE_DOES_NOT_EXIST")

    async def _logged(self, request: Request, model_id: str, source: str) -> logged_models_pb2.LoggedModel:
        try:
            message = logged_models_pb2.GetLoggedModelRequest(model_id=model_id)
            return (await self._call(request, "GetLoggedModel", message)).model
        except NotFound:
            raise _foreign(source, "model_id") from None

    async def _check_run(self, request: Request, run_id: str, source: str) -> None:
        if not _RUN_ID.match(run_id):
            raise _foreign(source, "run_id")
        message = mlflow_pb2.ReadMlflowRequest(method="runs/get", json=msgspec.json.encode({"run_id": run_id}))
        try:
            await self._tracking(request, "ReadMlflow", message)
        except NotFound:
            raise _foreign(source, "run_id") from None

    async def _update(self, request: Request, body: Body) -> Reply:
        name, number = _key(body)
        message = pb.UpdateModelVersionRequest(name=name, version=number, description=body.get("description", ""))
        with told_as_mlflow(name, number):
            reply = await self._call(request, "UpdateModelVersion", message)
        return {"model_version": shapes.version(reply.version)}

    async def _transition(self, request: Request, body: Body) -> Reply:
        name, number = _key(body)
        wanted, archive = stage(body["stage"]), body.get("archive_existing_versions", False)
        if archive and wanted not in STAGES[1:3]:
            raise MlflowError(
                "Model version transition cannot archive existing model versions because "
                f"'{body['stage']}' is not an Active stage. Valid stages are {list(STAGES[1:3])}",
                "INVALID_PARAMETER_VALUE",
            )
        message = pb.SetStageRequest(name=name, version=number, stage=wanted, archive_existing=archive)
        with told_as_mlflow(name, number):
            reply = await self._call(request, "SetStage", message)
        return {"model_version": shapes.version(reply.version)}

    async def _delete(self, request: Request, body: Body) -> Reply:
        name, number = _key(body)
        with told_as_mlflow(name, number):
            await self._call(request, "DeleteModelVersion", pb.DeleteModelVersionRequest(name=name, version=number))
        return {}

    async def _get(self, request: Request, body: Body) -> Reply:
        return {"model_version": shapes.version(await self._version(request, body))}

    async def _uri(self, request: Request, body: Body) -> Reply:
        found = await self._version(request, body)
        return {"artifact_uri": found.storage_uri or shapes.version(found)["source"]}

    async def _version(self, request: Request, body: Body) -> pb.ModelVersion:
        name, number = _key(body)
        with told_as_mlflow(name, number):
            message = pb.GetModelVersionRequest(name=name, version=number)
            return (await self._call(request, "GetModelVersion", message)).version

    async def _search(self, request: Request, body: Body) -> Reply:
        message = pb.SearchModelVersionsRequest(
            filter=body.get("filter", ""),
            order_by=body.get("order_by", []),
            page_size=positive(body.get("max_results", 10_000)),
            page_token=body.get("page_token", ""),
        )
        reply = await self._call(request, "SearchModelVersions", message)
        return page("model_versions", [shapes.version(v) for v in reply.versions], reply.next_page_token)

    async def _set_tag(self, request: Request, body: Body) -> Reply:
        name, number = _key(body)
        tags = {tag_key(body["key"]): tag_value(body.get("value", ""))}
        message = pb.UpdateModelVersionRequest(name=name, version=number, set_tags=tags)
        with told_as_mlflow(name, number):
            await self._call(request, "UpdateModelVersion", message)
        return {}

    async def _delete_tag(self, request: Request, body: Body) -> Reply:
        name, number = _key(body)
        message = pb.UpdateModelVersionRequest(name=name, version=number, delete_tags=[tag_key(body["key"])])
        with told_as_mlflow(name, number):
            await self._call(request, "UpdateModelVersion", message)
        return {}


def _key(body: Body) -> tuple[str, str]:
    name = model_name(body["name"])
    return name, at(version_number(body["version"]), name)


def _foreign(source: str, what: str) -> MlflowError:
    return MlflowError(
        f"Invalid model version source: '{source[:300]}'. The {what} request parameter must identify the resource "
        "that contains the source."
    )
