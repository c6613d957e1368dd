"""MLflow's artifact proxy, so that clients need no key of the object store: files go through the gateway into the tree
of the run, whose bytes are blobs of the artifact service."""

import mimetypes
import posixpath
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater.api.registry.v1 import logged_models_pb2, registry_pb2
from headwater.api.tracking.v1 import mlflow_pb2
from headwater_server.gateway.mlflow import artifact_paths as paths
from headwater_server.gateway.mlflow.artifact_streams import BlobResponse, receive_blob
from headwater_server.gateway.mlflow.calls import Calls
from headwater_server.gateway.mlflow.endpoints import Endpoint, Reply
from headwater_server.gateway.mlflow.errors import MlflowError
from headwater_server.gateway.mlflow.fields import Field, from_query, may, missing, need
from headwater_server.gateway.mlflow.registry_names import model_name, told_as_mlflow, version_number
from headwater_server.gateway.request import Request, answer
from headwater_server.kit.errors import NotFound
from headwater_server.kit.http import HttpClient
from headwater_server.kit.service import ServiceKit

PROXY = "/mlflow-artifacts"
_REST = "{artifact_path:path}"
_PAGE = 10_000
_SPANS = "traces.json"
_TEXTS = {".yaml", ".yml", ".log", ".md", ".cfg", ".ini", ".py", ".r", ".sh", ".toml", ".txt", ".conf", ".tsv"}
_TEXT_NAMES = {"MLmodel", "MLproject"}
Body = dict[str, Any]


class Artifacts:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._call, self._registry, self._tracking = (Calls(kit, name) for name in ("artifact", "registry", "tracking"))
        self._http = HttpClient(limit=64)
        kit.on_stop(self._http.close)

    def endpoints(self) -> Iterator[Endpoint]:
        read, write, one = "artifacts:read", "artifacts:write", f"{PROXY}/artifacts/{_REST}"
        path, run = {"path": may("string")}, {"run_id": may("string"), "run_uuid": may("string")}
        yield Endpoint("GET", one, read, self._download)
        yield Endpoint("PUT", one, write, self._upload)
        yield Endpoint("DELETE", one, write, self._delete)
        yield Endpoint("GET", f"{PROXY}/artifacts", read, self._list, path)
        yield Endpoint("GET", "/mlflow/artifacts/list", read, self._list_run, run | path)
        yield Endpoint("GET", "/get-artifact", read, self._of_run, run | {"path": need("string")}, version="")
        of_version = {"path": need("string"), "name": need("string"), "version": need("string")}
        yield Endpoint("GET", "/model-versions/get-artifact", read, self._of_version, of_version, version="")
        yield Endpoint("POST", "/mlflow/upload-artifact", write, self._upload_to_run)
        of_model: dict[str, Field] = {"artifact_file_path": may("string")}
        place = "/mlflow/logged-models/{model_id}/artifacts"
        yield Endpoint("GET", f"{place}/files", read, self._of_model, of_model)
        of_trace = {"request_id": need("string"), "path": may("string")}
        for version in ("2.0", "3.0"):
            yield Endpoint("GET", "/mlflow/get-trace-artifact", read, self._of_trace, of_trace, version)
        listed = {"artifact_directory_path": may("string"), "page_token": may("string")}
        yield Endpoint("GET", f"{place}/directories", read, self._list_model, listed)

    # The proxy

    async def _download(self, request: Request, body: Body) -> Response:
        sent = paths.safe(request.path["artifact_path"])
        return await self._send(request, paths.in_tree(sent), sent)

    async def _upload(self, request: Request, body: Body) -> Reply:
        await self._store(request, paths.in_tree(paths.safe(request.path["artifact_path"])))
        return {}

    async def _delete(self, request: Request, body: Body) -> Reply:
        path = paths.in_tree(paths.safe(request.path["artifact_path"]))
        await self._call(request, "DeleteFiles", pb.DeleteFilesRequest(path=path))
        return {}

    async def _list(self, request: Request, body: Body) -> Reply:
        folder = paths.in_tree(paths.safe(body.get("path", "")))
        return _files([_info(file, posixpath.basename(file.path)) async for file in self._children(request, folder)])

    # Of runs, versions and logged models

    async def _list_run(self, request: Request, body: Body) -> Reply:
        sent = paths.safe(body.get("path", ""))
        root, uri = await self._run_root(request, body)
        return await self._listed(request, root, uri, sent)

    async def _list_model(self, request: Request, body: Body) -> Reply:
        sent = paths.safe(body.get("artifact_directory_path", ""))
        model = await self._logged(request)
        return await self._listed(request, paths.model_root(model.model_id), model.artifact_uri, sent)

    async def _of_run(self, request: Request, body: Body) -> Response:
        sent = paths.safe(body["path"])
        root, _ = await self._run_root(request, body)
        return await self._send(request, paths.below(root, sent), sent)

    async def _of_model(self, request: Request, body: Body) -> Response:
        if not body.get("artifact_file_path"):
            text = 'Request must include the "artifact_file_path" query parameter.'
            raise MlflowError(text, "BAD_REQUEST")
        sent = paths.safe(body["artifact_file_path"])
        model = await self._logged(request)
        return await self._send(request, paths.below(paths.model_root(model.model_id), sent), sent)

    async def _of_trace(self, request: Request, body: Body) -> Response:
        """A file that belongs to a trace, or its spans, which are in a file where they are not in tracking."""
        if sent := body.get("path", ""):
            sent = f"attachments/{paths.safe(sent)}"
        asked = msgspec.json.encode({"trace_id": body["request_id"]})
        message = mlflow_pb2.ReadMlflowRequest(method="traces/artifact", json=asked)
        found = (await self._tracking(request, "ReadMlflow", message)).json
        if not sent and found != b"{}":
            return answer(found, headers={"content-disposition": f'attachment; filename="{_SPANS}"'})
        sent = sent or _SPANS
        return await self._send(request, paths.below(paths.trace_root(body["request_id"]), sent), sent)

    async def _of_version(self, request: Request, body: Body) -> Response:
        sent = paths.safe(body["path"])
        name, number = model_name(body["name"]), version_number(body["version"])
        with told_as_mlflow(name, number):
            message = registry_pb2.GetModelVersionRequest(name=name, version=number)
            found = (await self._registry(request, "GetModelVersion", message)).version
        root = paths.of_uri(found.storage_uri or found.source)
        if root is None:
            raise MlflowError(f"The artifacts of this version are not on this server: {found.source!r}")
        return await self._send(request, paths.below(root, sent), sent)

    async def _upload_to_run(self, request: Request, body: Body) -> Reply:
        """What the browser uploads: POST …/upload-artifact?run_uuid=…&path=…"""
        given = from_query(request.query, {"run_uuid": need("string"), "path": need("string")})
        sent = paths.safe(given["path"])
        root, _ = await self._run_root(request, given)
        await self._store(request, paths.below(root, sent))
        return {}

    # Beneath

    async def _store(self, request: Request, path: str) -> None:
        project = self._call.project(request)
        digest = await receive_blob(request, self._call, self._http, project)
        await self._call(request, "PutFile", pb.PutFileRequest(path=path, digest=digest))

    async def _send(self, request: Request, path: str, sent: str) -> Response:
        """sent: the path as the client knows it."""
        message = pb.GetFileRequest(path=path, project=self._call.project(request))
        try:
            found = await self._call.as_service(request, "GetFile", message)
        except NotFound as error:
            if error.reason != "FILE_NOT_FOUND":
                raise
            raise await self._nothing(request, path, sent) from None
        name = posixpath.basename(path)
        headers = {
            "content-type": media_of(name),
            "content-disposition": attachment(name),
            "etag": f'"{found.file.digest}"',
        }
        return BlobResponse(self._http, found.url, found.file.size, headers, request.headers.get("range", ""))

    async def _nothing(self, request: Request, path: str, sent: str) -> MlflowError:
        async for _ in self._children(request, path):
            return MlflowError(f"Artifact path refers to a directory, not a file: '{sent}'")
        return MlflowError(f"No such artifact: '{sent}'", "RESOURCE_DOES_NOT_EXIST")

    async def _children(self, request: Request, folder: str) -> AsyncIterator[pb.File]:
        token = ""
        while True:
            message = pb.ListFilesRequest(path=folder, page_size=_PAGE, page_token=token)
            reply = await self._call(request, "ListFiles", message)
            for file in reply.files:
                yield file
            token = reply.next_page_token
            if not token:
                return

    async def _listed(self, request: Request, root: str, uri: str, sent: str) -> Reply:
        folder = paths.below(root, sent)
        cut = len(root) + 1
        files = [_info(file, file.path[cut:]) async for file in self._children(request, folder)]
        return {"root_uri": uri} | _files(files)

    async def _run_root(self, request: Request, body: Body) -> tuple[str, str]:
        """Where the files of a run lie, and how MLflow calls that place."""
        run_id = body.get("run_id") or body.get("run_uuid")
        if not run_id:
            raise missing("run_id")
        message = mlflow_pb2.ReadMlflowRequest(method="runs/get", json=msgspec.json.encode({"run_id": run_id}))
        run = msgspec.json.decode((await self._tracking(request, "ReadMlflow", message)).json)["run"]
        uri = run["info"]["artifact_uri"]
        root = paths.of_uri(uri)
        if root is None:
            raise MlflowError(f"The artifacts of this run are not on this server: {uri!r}")
        return root, uri

    async def _logged(self, request: Request) -> Any:
        message = logged_models_pb2.GetLoggedModelRequest(model_id=request.path["model_id"])
        return (await self._registry(request, "GetLoggedModel", message)).model


def _info(file: pb.File, path: str) -> dict[str, Any]:
    return {"path": path, "is_dir": True} if file.folder else {"path": path, "is_dir": False, "file_size": file.size}


def _files(files: list[dict[str, Any]]) -> dict[str, Any]:
    return {"files": files} if files else {}


def media_of(name: str) -> str:
    suffix = posixpath.splitext(name)[1].lower()
    if suffix in _TEXTS or name in _TEXT_NAMES:
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def attachment(name: str) -> str:
    """A browser saves it; it never shows it as a page of this server."""
    plain = "".join(c for c in name if c.isascii() and c.isprintable() and c not in '"\\;') or "download"
    told = f'attachment; filename="{plain}"'
    return told if plain == name else f"{told}; filename*=UTF-8''{quote(name, safe='')}"
