"""Large artifacts past the gateway: parts that a client uploads to the object store itself, and addresses to read from.

Both by presigned URLs, for clients that ask for them (MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD, _DOWNLOAD).
"""

import posixpath
from collections.abc import Iterator
from typing import Any

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater_server.gateway.mlflow import artifact_paths as paths
from headwater_server.gateway.mlflow.calls import Calls
from headwater_server.gateway.mlflow.endpoints import Endpoint, Reply
from headwater_server.gateway.mlflow.errors import MlflowError
from headwater_server.gateway.mlflow.fields import invalid, may, need
from headwater_server.gateway.request import Request
from headwater_server.kit.errors import NotFound
from headwater_server.kit.service import ServiceKit

PARTS = "/mlflow-artifacts/mpu"
_REST = "{artifact_path:path}"
# What was uploaded is read once more before the answer.
_PATIENCE = 600.0
Body = dict[str, Any]


class ArtifactParts:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._call = Calls(kit, "artifact")

    def endpoints(self) -> Iterator[Endpoint]:
        write, path = "artifacts:write", {"path": need("string")}
        upload = path | {"upload_id": may("string")}
        for where in (f"/{_REST}", ""):
            yield Endpoint("POST", f"{PARTS}/create{where}", write, self._create, path | {"num_parts": may("int")})
            complete = upload | {"parts": need("array")}
            yield Endpoint("POST", f"{PARTS}/complete{where}", write, self._complete, complete)
            yield Endpoint("POST", f"{PARTS}/abort{where}", write, self._abort, upload)
        yield Endpoint("GET", f"/mlflow-artifacts/presigned/{_REST}", "artifacts:read", self._presigned)
        for what, action in (("upload", write), ("download", "artifacts:read")):
            yield Endpoint("POST", f"/mlflow/artifacts/presigned-{what}-url", action, _proxied(what), {})

    async def _create(self, request: Request, body: Body) -> Reply:
        message = pb.BeginPartsRequest(path=_path(request, body), parts=body.get("num_parts", 1))
        begun = await self._call(request, "BeginParts", message)
        credentials = [{"url": part.url, "part_number": part.number} for part in begun.parts]
        return {"upload_id": begun.upload_id, "credentials": credentials}

    async def _complete(self, request: Request, body: Body) -> Reply:
        message = pb.CompletePartsRequest(
            path=_path(request, body), upload_id=body.get("upload_id", ""), parts=[_part(p) for p in body["parts"]]
        )
        await self._call(request, "CompleteParts", message, timeout=_PATIENCE)
        return {}

    async def _abort(self, request: Request, body: Body) -> Reply:
        message = pb.AbortPartsRequest(path=_path(request, body), upload_id=body.get("upload_id", ""))
        await self._call(request, "AbortParts", message)
        return {}

    async def _presigned(self, request: Request, body: Body) -> Reply:
        sent = paths.safe(request.path["artifact_path"])
        try:
            found = await self._call(request, "GetFile", pb.GetFileRequest(path=paths.in_tree(sent)))
        except NotFound as error:
            if error.reason != "FILE_NOT_FOUND":
                raise
            raise MlflowError(f"No such artifact: '{sent}'", "RESOURCE_DOES_NOT_EXIST") from None
        return {"url": found.url, "headers": {}, "file_size": found.file.size}


def _path(request: Request, body: Body) -> str:
    """The file's name is the last of the client's own path, its folder is in the URL."""
    name = posixpath.basename(paths.safe(posixpath.basename(body["path"])))
    if not name:
        raise invalid("path", body["path"])
    folder = paths.in_tree(paths.safe(request.path.get("artifact_path", "")))
    return f"{folder}/{name}"


def _part(item: Any) -> pb.Part:
    if not isinstance(item, dict):
        raise invalid("parts", item)
    number, etag = item.get("part_number"), item.get("etag")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**31 or not isinstance(etag, str):
        raise invalid("parts", item)
    return pb.Part(number=number, etag=etag)


def _proxied(what: str) -> Any:
    """As MLflow answers where artifacts go through the server."""

    async def refuse(request: Request, body: Body) -> Reply:
        raise MlflowError(
            f"Presigned {what} is not supported for proxied artifact storage (artifact URI scheme: {paths.SCHEME}). "
            "This endpoint requires a direct cloud storage artifact URI."
        )

    return refuse
