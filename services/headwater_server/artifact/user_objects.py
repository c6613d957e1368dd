"""User objects of a project: objects under names that users choose, read and written by URLs that are signed here.

They lie at objects/<project>/ of the bucket, beside the blobs. Nothing but presigned requests below that folder, and
only of the kinds that the S3 tool needs.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater_server.artifact import limits
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.rpc import Call

MOST = 1000
# S3 takes names of up to 1024 bytes; the folder needs some.
MAX_KEY = 800
_LISTING = frozenset(("list-type", "prefix", "delimiter", "continuation-token", "max-keys"))
_HEADER = re.compile(r"content-type|x-amz-server-side-encryption|x-amz-meta-[a-z0-9-]{1,100}")


class UserObjectApi:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def sign_object_reads(self, request: pb.SignObjectReadsRequest, call: Call) -> pb.SignObjectReadsResponse:
        root = objects_root(limits.check_project(request.project))
        urls = self._sign(request.requests, root, ("GET", "HEAD"), call)
        return pb.SignObjectReadsResponse(urls=urls, root=root)

    async def sign_object_writes(self, request: pb.SignObjectWritesRequest, call: Call) -> pb.SignObjectWritesResponse:
        root = objects_root(limits.check_project(request.project))
        urls = self._sign(request.requests, root, ("PUT", "POST", "DELETE"), call)
        return pb.SignObjectWritesResponse(urls=urls, root=root)

    def _sign(self, requests: Iterable[pb.ObjectRequest], root: str, methods: tuple[str, ...], call: Call) -> list[str]:
        wanted = list(requests)
        if len(wanted) > MOST:
            raise InvalidArgument(f"requests: {len(wanted)}, at most {MOST} at once", field="requests")
        # Workers and services reach the S3 server as we do, everybody else by its public address.
        public = call.actor.kind not in ("worker", "service")
        urls: list[str] = []
        for number, each in enumerate(wanted):
            field = f"requests[{number}]"
            if each.method not in methods:
                hint = f"here it is one of {', '.join(methods)}"
                raise InvalidArgument(
                    f"{field}.method: {shown(each.method)} cannot be signed", field=f"{field}.method", hint=hint
                )
            query, headers = dict(each.query), dict(each.headers)
            _check_headers(headers, field)
            if each.method == "GET" and not each.key:
                key, query = "", _listing(query, root, field)
            else:
                key = root + check_key(each.key, f"{field}.key")
                _check_upload(each.method, query, field)
            urls.append(self._objects.presign(each.method, key, query=query, headers=headers, public=public))
        return urls


def objects_root(project: str) -> str:
    """files/<project>/, with every character escaped that has a meaning in a path."""
    return f"objects/{quote(project, safe='').replace('.', '%2E')}/"


def check_key(key: str, field: str) -> str:
    """A name as S3 servers that keep files on disk take it, too."""
    problem = ""
    if not key or len(key.encode()) > MAX_KEY:
        problem = f"1 to {MAX_KEY} bytes"
    elif not key.isprintable() or "\\" in key:
        problem = "printable characters without \\"
    elif key.startswith("/") or any(part in (".", "..") for part in key.split("/")) or "//" in key:
        problem = "names between single /, none of them . or .."
    if problem:
        raise InvalidArgument(f"{field}: {shown(key)} is no name of an object", field=field, hint=problem)
    return key


def _listing(query: dict[str, str], root: str, field: str) -> dict[str, str]:
    prefix = query.get("prefix", "")
    if set(query) - _LISTING or query.get("list-type") != "2":
        hint = f"list-type=2, and of {', '.join(sorted(_LISTING))} what is needed"
        raise InvalidArgument(f"{field}.query: {shown(query)} is no listing", field=f"{field}.query", hint=hint)
    if prefix:
        check_key(prefix.rstrip("/") or prefix, f"{field}.query.prefix")
    return {**query, "prefix": root + prefix}


def _check_upload(method: str, query: dict[str, str], field: str) -> None:
    allowed = {
        "GET": [set()],
        "HEAD": [set()],
        "PUT": [set(), {"uploadId", "partNumber"}],
        "POST": [{"uploads"}, {"uploadId"}],
        "DELETE": [{"uploadId"}],
    }[method]
    if set(query) not in allowed:
        hint = " or ".join(", ".join(sorted(names)) or "none" for names in allowed)
        raise InvalidArgument(
            f"{field}.query: {shown(query)} does not go with {method}", field=f"{field}.query", hint=hint
        )


def _check_headers(headers: dict[str, str], field: str) -> None:
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or not value.isprintable() or len(value) > 2048:
            hint = "content-type, x-amz-server-side-encryption or x-amz-meta-…, with at most 2048 printable characters"
            raise InvalidArgument(
                f"{field}.headers: {shown(name)} cannot be signed", field=f"{field}.headers", hint=hint
            )
