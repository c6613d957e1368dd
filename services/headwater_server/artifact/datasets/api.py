"""The RPCs that look at datasets, tag and delete them, and move aliases. No SQL here."""

import uuid
from typing import Any

from headwater.api.artifact.v1 import datasets_pb2 as pb
from headwater_server.artifact import limits as blobs
from headwater_server.artifact.blobs import outside
from headwater_server.artifact.datasets import limits, messages, names
from headwater_server.artifact.datasets.store import BEYOND, BEYOND_IDS, DatasetStore, Row
from headwater_server.artifact.store import Store
from headwater_server.kit.errors import Aborted, AlreadyExists, DataLoss, InvalidArgument, NotFound
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.kit.rpc import Call

MOST_FILES_A_PAGE = 10_000
# Presigned URLs end; a page should be read before that.
MOST_URLS_A_PAGE = 1000
MOST_REFERENCES = 1000


class DatasetApi:
    def __init__(self, store: DatasetStore, blob_store: Store, objects: ObjectStore, outbox: Outbox) -> None:
        self._store, self._blobs, self._objects, self._outbox = store, blob_store, objects, outbox

    # Datasets

    async def get_dataset(self, request: pb.GetDatasetRequest, call: Call) -> pb.GetDatasetResponse:
        return pb.GetDatasetResponse(dataset=await self._dataset(request.project, names.check_name(request.dataset)))

    async def _dataset(self, project: str, name: str) -> pb.Dataset:
        rows = await self._store.datasets(project, name, "", 1)
        if not rows:
            raise await self._store.unknown(project, name)
        return messages.dataset(rows[0])

    async def list_datasets(self, request: pb.ListDatasetsRequest, call: Call) -> pb.ListDatasetsResponse:
        size, question = page_size(request.page_size), ("datasets", request.project)
        after = _text(read_page_token(request.page_token, *question))
        rows = await self._store.datasets(request.project, None, after, size + 1)
        answer = pb.ListDatasetsResponse(datasets=[messages.dataset(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token([rows[size - 1]["name"]], *question)
        return answer

    async def update_dataset(self, request: pb.UpdateDatasetRequest, call: Call) -> pb.UpdateDatasetResponse:
        name, put = names.check_name(request.dataset), limits.check_tags(request.set_tags, "set_tags")
        async with self._outbox.transaction() as tx:
            dataset = await self._store.lock(tx, request.project, name)
            description = dataset["description"]
            if request.HasField("description"):
                description = limits.check_prose(request.description, "description", limits.MAX_DESCRIPTION)
            tags = limits.changed_tags(dataset["tags"], put, request.delete_tags)
            await self._store.update(tx, dataset, description, tags)
        return pb.UpdateDatasetResponse(dataset=await self._dataset(request.project, name))

    async def delete_dataset(self, request: pb.DeleteDatasetRequest, call: Call) -> pb.DeleteDatasetResponse:
        name = names.check_name(request.dataset)
        async with self._outbox.transaction() as tx:
            dataset = await self._store.lock(tx, request.project, name)
            at = await self._store.touch(tx, dataset)
            await self._store.delete(tx, dataset)
            tx.emit(messages.deleted(request.project, name, call.actor, at), call.traceparent)
        return pb.DeleteDatasetResponse()

    # Versions

    async def get_dataset_version(
        self, request: pb.GetDatasetVersionRequest, call: Call
    ) -> pb.GetDatasetVersionResponse:
        dataset, number = await self._named(request)
        return pb.GetDatasetVersionResponse(version=await self._version(dataset, number))

    async def _named(self, request: pb.GetDatasetVersionRequest | pb.ListDatasetFilesRequest) -> tuple[Row, int]:
        version = names.parse_version(request.version)
        dataset = await self._store.find(request.project, names.check_name(request.dataset))
        return dataset, await self._store.number(dataset, version)

    async def _version(self, dataset: Row, number: int, conn: Any = None) -> pb.DatasetVersion:
        row = await self._store.version(dataset, number, conn)
        return messages.version(dataset["project"], dataset["name"], row)

    async def list_dataset_versions(
        self, request: pb.ListDatasetVersionsRequest, call: Call
    ) -> pb.ListDatasetVersionsResponse:
        size, question = page_size(request.page_size), ("dataset versions", request.project, request.dataset)
        before = _number(read_page_token(request.page_token, *question), BEYOND)
        dataset = await self._store.find(request.project, names.check_name(request.dataset))
        rows = await self._store.versions(dataset, before, size + 1)
        made = [messages.version(dataset["project"], dataset["name"], row) for row in rows[:size]]
        answer = pb.ListDatasetVersionsResponse(versions=made)
        if len(rows) > size:
            answer.next_page_token = page_token([rows[size - 1]["number"]], *question)
        return answer

    async def update_dataset_version(
        self, request: pb.UpdateDatasetVersionRequest, call: Call
    ) -> pb.UpdateDatasetVersionResponse:
        name, version = names.check_name(request.dataset), names.parse_version(request.version)
        put = limits.check_tags(request.set_tags, "set_tags")
        async with self._outbox.transaction() as tx:
            dataset = await self._store.lock(tx, request.project, name)
            number = await self._store.number(dataset, version, tx.conn)
            row = await self._store.version(dataset, number, tx.conn)
            await self._store.tag(tx, dataset, number, limits.changed_tags(row["tags"], put, request.delete_tags))
            return pb.UpdateDatasetVersionResponse(version=await self._version(dataset, number, tx.conn))

    async def delete_dataset_version(
        self, request: pb.DeleteDatasetVersionRequest, call: Call
    ) -> pb.DeleteDatasetVersionResponse:
        name, version = names.check_name(request.dataset), names.parse_version(request.version)
        async with self._outbox.transaction() as tx:
            dataset = await self._store.lock(tx, request.project, name)
            number = await self._store.number(dataset, version, tx.conn)
            for alias in await self._store.aliases(tx, dataset, number):
                why = f"version {number} was deleted"
                await self._store.move(tx, dataset, alias, 0, number, why, call.actor, None, call.traceparent)
            at = await self._store.delete_version(tx, dataset, number)
            tx.emit(messages.version_deleted(request.project, name, number, call.actor, at), call.traceparent)
        return pb.DeleteDatasetVersionResponse()

    # Files

    async def list_dataset_files(self, request: pb.ListDatasetFilesRequest, call: Call) -> pb.ListDatasetFilesResponse:
        most = MOST_URLS_A_PAGE if request.urls else MOST_FILES_A_PAGE
        size = page_size(request.page_size, default=1000, most=most)
        path = names.check_file(request.path) if request.path else ""
        question = ("dataset files", request.project, request.dataset, request.version, path)
        position = read_page_token(request.page_token, *question)
        if position is None:
            (dataset, number), after = await self._named(request), ""
        else:
            number, after = _file_position(position)
            dataset = await self._store.find(request.project, names.check_name(request.dataset))
        version = await self._store.version(dataset, number)
        rows = await self._store.files(version["id"], path, after, size + 1)
        if path and not rows and not after:
            uri = names.version_uri(request.dataset, number)
            raise NotFound(f"path: {uri} has no {path!r}", field="path", reason="FILE_NOT_FOUND")
        files = [messages.file(row, self._url(row, call) if request.urls else "") for row in rows[:size]]
        answer = pb.ListDatasetFilesResponse(files=files, version=number)
        if len(rows) > size:
            answer.next_page_token = page_token([number, rows[size - 1]["path"]], *question)
        return answer

    def _url(self, row: Row, call: Call) -> str:
        """ "" for an object that lies elsewhere."""
        if row["digest"] is None:
            return ""
        if row["key"] is None:
            raise DataLoss(f"path: the bytes of {row['path']!r} are lost", field="path", hint="upload them again")
        return self._objects.presign_get(row["key"], public=outside(call))

    async def get_datum(self, request: pb.GetDatumRequest, call: Call) -> pb.GetDatumResponse:
        uri = names.parse_datum(request.datum)
        if uri.digest is None:
            row = await self._store.datum(request.project, uri)
            file = messages.file(row, self._url(row, call))
            return pb.GetDatumResponse(file=file, dataset=row["name"], version=row["number"])
        blob = await self._blobs.blob(request.project, uri.digest)
        if blob is None:
            text = f"datum: project {request.project!r} has no blob {uri.digest.hex()}"
            raise NotFound(text, field="datum", reason="DATUM_NOT_FOUND")
        url = self._objects.presign_get(blob.key, public=outside(call))
        return pb.GetDatumResponse(file=pb.DatasetFile(digest=uri.digest.hex(), size=blob.size, url=url))

    async def resolve_references(
        self, request: pb.ResolveReferencesRequest, call: Call
    ) -> pb.ResolveReferencesResponse:
        if len(request.uris) > MOST_REFERENCES:
            raise InvalidArgument(f"uris: {len(request.uris)}, at most {MOST_REFERENCES} at once", field="uris")
        parsed = [names.parse_uri(each, f"uris[{number}]") for number, each in enumerate(request.uris)]
        blobs.check_project(request.project)
        return pb.ResolveReferencesResponse(uris=[await self._store.pinned(request.project, each) for each in parsed])

    # Aliases

    async def set_dataset_alias(self, request: pb.SetDatasetAliasRequest, call: Call) -> pb.SetDatasetAliasResponse:
        """A repeated request changes nothing, nor does one that finds the alias where it wants it."""
        name, alias = names.check_name(request.dataset), names.check_word(request.alias, "alias")
        version = names.parse_version(request.version)
        reason = limits.check_prose(request.reason, "reason", limits.MAX_REASON)
        request_id = limits.check_line(request.request_id, "request_id", limits.MAX_REQUEST_ID) or None
        async with self._outbox.transaction() as tx:
            dataset = await self._store.lock(tx, request.project, name)
            row = await self._store.move_of_request(tx, dataset, request_id)
            if row is None:
                number = await self._store.number(dataset, version, tx.conn)
                now = await self._store.pointed(tx, dataset, alias)
                if request.HasField("expected_version"):
                    _check_expected(alias, now, request.expected_version)
                if now == number:
                    row = (await self._store.moves(dataset, alias, BEYOND_IDS, 1, tx.conn))[0]
                else:
                    await self._check_free(tx, dataset, alias)
                    row = await self._store.move(
                        tx, dataset, alias, number, now, reason, call.actor, request_id, call.traceparent
                    )
        return pb.SetDatasetAliasResponse(move=messages.move(row))

    async def _check_free(self, tx: OutboxTransaction, dataset: Row, alias: str) -> None:
        if await self._store.is_name(tx, dataset, alias):
            text = f"alias: {alias!r} is the name of a version of dataset {dataset['name']!r}"
            raise AlreadyExists(text, field="alias", hint="choose another alias")

    async def delete_dataset_alias(
        self, request: pb.DeleteDatasetAliasRequest, call: Call
    ) -> pb.DeleteDatasetAliasResponse:
        name, alias = names.check_name(request.dataset), names.check_word(request.alias, "alias")
        reason = limits.check_prose(request.reason, "reason", limits.MAX_REASON)
        async with self._outbox.transaction() as tx:
            dataset = await self._store.lock(tx, request.project, name)
            now = await self._store.pointed(tx, dataset, alias)
            if not now:
                known = ", ".join(await self._store.aliases(tx, dataset, None))
                text = f"alias: dataset {name!r} has no alias {alias!r}"
                hint = f"it has {known}" if known else "it has none"
                raise NotFound(text, field="alias", hint=hint, reason="ALIAS_NOT_FOUND")
            row = await self._store.move(tx, dataset, alias, 0, now, reason, call.actor, None, call.traceparent)
        return pb.DeleteDatasetAliasResponse(move=messages.move(row))

    async def list_dataset_alias_moves(
        self, request: pb.ListDatasetAliasMovesRequest, call: Call
    ) -> pb.ListDatasetAliasMovesResponse:
        size, alias = page_size(request.page_size), names.check_word(request.alias, "alias") if request.alias else ""
        question = ("dataset moves", request.project, request.dataset, alias)
        before = _number(read_page_token(request.page_token, *question), BEYOND_IDS)
        dataset = await self._store.find(request.project, names.check_name(request.dataset))
        rows = await self._store.moves(dataset, alias, before, size + 1)
        answer = pb.ListDatasetAliasMovesResponse(moves=[messages.move(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token([rows[size - 1]["id"]], *question)
        return answer

    async def set_datum_alias(self, request: pb.SetDatumAliasRequest, call: Call) -> pb.SetDatumAliasResponse:
        project, alias = blobs.check_project(request.project), names.check_word(request.alias, "alias")
        uri = names.parse_datum(request.datum)
        if uri.digest is not None:
            hint = "put the blob into a dataset, which keeps it"
            raise InvalidArgument("datum: a blob alone has no alias", field="datum", hint=hint)
        async with self._outbox.transaction() as tx:
            ident: uuid.UUID = (await self._store.datum(project, uri, tx.conn))["datum"]
            before = await self._store.set_datum_alias(tx, project, alias, ident)
        return pb.SetDatumAliasResponse(datum_id=str(ident), previous_datum_id=str(before) if before else "")

    async def delete_datum_alias(self, request: pb.DeleteDatumAliasRequest, call: Call) -> pb.DeleteDatumAliasResponse:
        alias = names.check_word(request.alias, "alias")
        if not await self._store.delete_datum_alias(blobs.check_project(request.project), alias):
            text = f"alias: project {request.project!r} has no alias {alias!r} of a file"
            raise NotFound(text, field="alias", reason="ALIAS_NOT_FOUND")
        return pb.DeleteDatumAliasResponse()


def _check_expected(alias: str, now: int, expected: int) -> None:
    if now != expected:
        where = f"points at version {now}" if now else "is not set"
        text = f"expected_version: alias {alias!r} {where}, not {f'at version {expected}' if expected else 'unset'}"
        hint = "look at what has changed, then move it from where it points now"
        raise Aborted(text, field="expected_version", hint=hint, reason="ALIAS_MOVED", version=now)


def _text(position: list[Any] | None) -> str:
    match position:
        case None:
            return ""
        case [str(text)] if "\0" not in text:
            return text
    raise _no_token()


def _number(position: list[Any] | None, beyond: int) -> int:
    match position:
        case None:
            return beyond
        case [int(number)] if 0 <= number <= beyond:
            return number
    raise _no_token()


def _file_position(position: list[Any]) -> tuple[int, str]:
    match position:
        case [int(number), str(path)] if 0 < number <= BEYOND and "\0" not in path:
            return number, path
    raise _no_token()


def _no_token() -> InvalidArgument:
    return InvalidArgument("page_token: not a token of this list", field="page_token", hint="leave it empty to begin")
