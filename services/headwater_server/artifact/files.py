"""The RPCs of files: names for blobs, in a tree per project. No SQL here."""

import uuid
from datetime import timedelta
from typing import Any

import asyncpg

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater_server.artifact import limits
from headwater_server.artifact.blobs import outside
from headwater_server.artifact.paths import check_folder, check_path, parents
from headwater_server.artifact.store import Store
from headwater_server.kit.clock import timestamp
from headwater_server.kit.database import Database, load_queries
from headwater_server.kit.errors import DataLoss, FailedPrecondition, InvalidArgument, NotFound
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.kit.rpc import Call

q = load_queries(__package__)


class FileStore:
    """Files and unfinished uploads in Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, project: str, path: str, digest: bytes, size: int) -> Any:
        """Raises InvalidArgument where a file and a folder would have one path, FailedPrecondition without the blob."""
        await self.check_free(project, path)
        try:
            return await self._database.fetchrow(q.put_file, project, path, digest, size)
        except asyncpg.ForeignKeyViolationError:
            raise no_blob(project, digest) from None

    async def check_free(self, project: str, path: str) -> None:
        other = await self._database.fetchval(q.in_the_way, project, path, parents(path))
        if other is not None:
            text = f"path: {path!r} would be both a file and a folder: {other!r} is there"
            raise InvalidArgument(text, field="path", hint="delete that first, or choose another name")

    async def find(self, project: str, path: str) -> Any:
        return await self._database.fetchrow(q.find_file, project, path)

    async def children(self, project: str, folder: str, after: str, limit: int) -> list[Any]:
        inside, end = (f"{folder}/", f"{folder}0") if folder else ("", "")
        return await self._database.fetch(q.list_files, project, inside, end, after, limit)

    async def delete(self, project: str, path: str) -> int:
        return await self._database.fetchval(q.delete_files, project, path)

    async def add_upload(self, ident: uuid.UUID, project: str, path: str, key: str, s3_id: str) -> None:
        await self._database.execute(q.insert_upload, ident, project, path, key, s3_id)

    async def upload(self, project: str, ident: uuid.UUID) -> Any:
        return await self._database.fetchrow(q.find_upload, project, ident)

    async def complete_upload(self, ident: uuid.UUID, digest: bytes) -> None:
        await self._database.execute(q.complete_upload, ident, digest)

    async def delete_upload(self, ident: uuid.UUID) -> None:
        await self._database.execute(q.delete_upload, ident)

    async def old_uploads(self, grace: timedelta) -> list[Any]:
        return await self._database.fetch(q.old_uploads, grace)


class FileApi:
    def __init__(self, files: FileStore, store: Store, objects: ObjectStore) -> None:
        self._files, self._store, self._objects = files, store, objects

    async def put_file(self, request: pb.PutFileRequest, call: Call) -> pb.PutFileResponse:
        project, path = limits.check_project(request.project), check_path(request.path)
        digest = limits.check_digest(request.digest)
        blob = await self._store.blob(project, digest)
        if blob is None:
            raise no_blob(project, digest)
        return pb.PutFileResponse(file=file_message(await self._files.put(project, path, digest, blob.size)))

    async def get_file(self, request: pb.GetFileRequest, call: Call) -> pb.GetFileResponse:
        project, path = limits.check_project(request.project), check_path(request.path)
        row = await self._files.find(project, path)
        if row is None:
            raise NotFound(f"path: there is no file {path!r}", field="path", reason="FILE_NOT_FOUND")
        blob = await self._store.blob(project, row["digest"])
        if blob is None:
            raise DataLoss(f"path: the bytes of {path!r} are lost", field="path", hint="upload the file again")
        url = self._objects.presign_get(blob.key, public=outside(call))
        return pb.GetFileResponse(file=file_message(row), url=url)

    async def list_files(self, request: pb.ListFilesRequest, call: Call) -> pb.ListFilesResponse:
        project, folder = limits.check_project(request.project), check_folder(request.path)
        size, question = page_size(request.page_size, default=1000, most=10_000), ("files", project, folder)
        match read_page_token(request.page_token, *question):
            case None:
                after = ""
            case [str(name)] if "\0" not in name:
                after = name
            case _:
                raise InvalidArgument("page_token: not a token of this list", field="page_token")
        rows = await self._files.children(project, folder, after, size + 1)
        answer = pb.ListFilesResponse(files=[_child(project, folder, row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token([rows[size - 1]["name"]], *question)
        return answer

    async def delete_files(self, request: pb.DeleteFilesRequest, call: Call) -> pb.DeleteFilesResponse:
        """Their blobs stay: others may have them under other names."""
        project, path = limits.check_project(request.project), check_path(request.path)
        return pb.DeleteFilesResponse(deleted=await self._files.delete(project, path))


def no_blob(project: str, digest: bytes) -> FailedPrecondition:
    return FailedPrecondition(
        f"digest: project {project!r} has no blob {digest.hex()}",
        field="digest",
        reason="BLOB_NOT_FOUND",
        hint="upload its bytes first: BeginUpload, PUT, CommitUpload",
    )


def file_message(row: Any) -> pb.File:
    return pb.File(
        project=row["project"],
        path=row["path"],
        digest=row["digest"].hex(),
        size=row["size"],
        created_at=timestamp(row["created_at"]),
    )


def _child(project: str, folder: str, row: Any) -> pb.File:
    path = f"{folder}/{row['name']}" if folder else row["name"]
    if row["folder"]:
        return pb.File(project=project, path=path, folder=True)
    return file_message({**row, "project": project, "path": path})
