"""Makes versions: reads what was asked for, gathers the files of its sources, writes all of it in one transaction.

Who repeats a request gets the version that the first one made. Blobs that are not there are named, and nothing is made.
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from google.protobuf.json_format import MessageToDict

from headwater.api.artifact.v1 import datasets_pb2 as pb
from headwater_server.artifact import limits as blobs
from headwater_server.artifact.datasets import limits, messages, names
from headwater_server.artifact.datasets.names import DatasetUri, DatumUri
from headwater_server.artifact.datasets.selection import (
    MOST_FILES,
    File,
    Part,
    Selected,
    datum_id,
    digest_of,
    matcher,
    picked,
    select,
)
from headwater_server.artifact.datasets.store import DatasetStore, Row
from headwater_server.kit.database import CONFLICT
from headwater_server.kit.errors import Aborted, AlreadyExists, InvalidArgument
from headwater_server.kit.hints import shown
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.kit.rpc import Call

TRIES = 3
MOST_SOURCE_BYTES = 64 * 1024
_OBJECT = "s3://"


@dataclass(frozen=True)
class Source:
    uri: str
    reference: DatasetUri | DatumUri | None
    files: list[File]
    keep: list[str]
    exclude: list[str]
    to: str


@dataclass(frozen=True)
class NewVersion:
    project: str
    dataset: str
    request_id: str | None
    name: str | None
    sources: list[Source]
    description: str
    tags: dict[str, str]
    aliases: list[str]


class _Missing(Exception):
    """Blobs that the project does not have."""

    def __init__(self, digests: Sequence[bytes]) -> None:
        super().__init__()
        self.digests = digests


class CreationApi:
    def __init__(self, store: DatasetStore, outbox: Outbox) -> None:
        self._store, self._outbox = store, outbox

    async def create_dataset_version(
        self, request: pb.CreateDatasetVersionRequest, call: Call
    ) -> pb.CreateDatasetVersionResponse:
        new = await asyncio.to_thread(read, request)
        for last in (*[False] * (TRIES - 1), True):
            try:
                async with self._outbox.transaction() as tx:
                    return pb.CreateDatasetVersionResponse(version=await self._create(tx, new, call))
            except _Missing as missing:
                digests = [each.hex() for each in missing.digests]
                return pb.CreateDatasetVersionResponse(missing_digests=digests)
            except (asyncpg.ForeignKeyViolationError, *CONFLICT):  # a blob was collected a moment ago
                if last:
                    raise Aborted("others were changing the same files", hint="repeat the request") from None
        raise AssertionError

    async def _create(self, tx: OutboxTransaction, new: NewVersion, call: Call) -> pb.DatasetVersion:
        dataset = await self._store.lock(tx, new.project, new.dataset, make=True)
        number = await self._store.of_request(tx, dataset, new.request_id)
        if number is None:
            number = await self._add(tx, dataset, new, call)
            made = await self._made(tx, dataset, number)
            tx.emit(messages.version_created(made), call.traceparent)
            return made
        return await self._made(tx, dataset, number)

    async def _made(self, tx: OutboxTransaction, dataset: Row, number: int) -> pb.DatasetVersion:
        row = await self._store.version(dataset, number, tx.conn)
        return messages.version(dataset["project"], dataset["name"], row)

    async def _add(self, tx: OutboxTransaction, dataset: Row, new: NewVersion, call: Call) -> int:
        await self._check_words(tx, dataset, new)
        parts = [await self._part(tx, new.project, source) for source in new.sources]
        found = await asyncio.to_thread(select, parts)
        if not found.files:
            hint = "give files, or look at keep and exclude"
            raise InvalidArgument("sources: they bring no file", field="sources", hint=hint)
        files = await self._with_sizes(tx, new.project, found)
        sources = [{"uri": each.uri, "files": n} for each, n in zip(parts, found.counts, strict=True) if each.uri]
        step, _, task_id = call.actor.task.partition("/")
        values = (
            new.name, len(files), sum(each.size for each in files), await asyncio.to_thread(digest_of, files), sources,
            new.description, new.tags, call.actor.run_id, step, task_id, messages.actor_json(call.actor),
            new.request_id,
        )  # fmt: skip
        number = await self._store.add(tx, dataset, values, files)
        for alias in new.aliases:
            before = await self._store.pointed(tx, dataset, alias)
            await self._store.move(tx, dataset, alias, number, before, "", call.actor, None, call.traceparent)
        return number

    async def _check_words(self, tx: OutboxTransaction, dataset: Row, new: NewVersion) -> None:
        """A word is a version's name or an alias, never both."""
        if new.name is not None:
            if await self._store.is_name(tx, dataset, new.name):
                text = f"name: dataset {new.dataset!r} has a version {new.name!r}"
                raise AlreadyExists(text, field="name", hint="versions never change: choose another name")
            if await self._store.pointed(tx, dataset, new.name):
                text = f"name: {new.name!r} is an alias of dataset {new.dataset!r}"
                raise AlreadyExists(text, field="name", hint="choose another name, or delete the alias")
        for alias in new.aliases:
            if alias == new.name or await self._store.is_name(tx, dataset, alias):
                text = f"aliases: {alias!r} is the name of a version of dataset {new.dataset!r}"
                raise AlreadyExists(text, field="aliases", hint="choose another alias")

    async def _part(self, tx: OutboxTransaction, project: str, source: Source) -> Part:
        uri, files = source.uri, source.files
        match source.reference:
            case DatasetUri() as ref:
                dataset = await self._store.find(project, ref.dataset, tx.conn)
                number = await self._store.number(dataset, ref.version, tx.conn)
                version = await self._store.version(dataset, number, tx.conn)
                uri = names.version_uri(ref.dataset, number, ref.path)
                rows = await self._store.files(version["id"], ref.path, "", MOST_FILES + 1, tx.conn)
                files = [_file(row) for row in rows]
                if not files:
                    raise InvalidArgument(f"sources: {uri} has no files", field="sources")
            case DatumUri() as ref:
                row = await self._store.datum(project, ref, tx.conn)
                uri, files = f"datum://{row['datum']}", [_file(row)]
            case None:
                pass
        left = await asyncio.to_thread(picked, files, source.keep, source.exclude, source.to)
        return Part(uri, left, given=not isinstance(source.reference, DatasetUri))

    async def _with_sizes(self, tx: OutboxTransaction, project: str, found: Selected) -> list[File]:
        """The files with the sizes of their blobs, which stay. Raises _Missing."""
        digests = {each.digest for each in found.files if each.digest is not None}
        sizes = await self._store.sizes(tx, project, digests)
        if missing := digests - sizes.keys():
            raise _Missing(sorted(missing))
        return [each if each.digest is None else each._replace(size=sizes[each.digest]) for each in found.files]


def _file(row: Any) -> File:
    return File(
        row["path"], row["datum"], row["digest"], row["size"], row["uri"], row["etag"], row["object_version"],
        row["properties"],
    )  # fmt: skip


def read(request: pb.CreateDatasetVersionRequest) -> NewVersion:
    """Raises InvalidArgument that names the field, the value and the fix."""
    project, dataset = blobs.check_project(request.project), names.check_name(request.dataset)
    if not request.sources:
        hint = 'e.g. sources: [{"files": [{"path": "a.csv", "digest": "…"}]}] or [{"uri": "dataset://other/3"}]'
        raise InvalidArgument("sources: there is none", field="sources", hint=hint)
    if len(request.sources) > limits.MOST_SOURCES:
        raise InvalidArgument(f"sources: {len(request.sources)}, at most {limits.MOST_SOURCES}", field="sources")
    if sum(len(each.uri.encode()) for each in request.sources) > MOST_SOURCE_BYTES:
        raise InvalidArgument(f"sources: URIs of more than {MOST_SOURCE_BYTES:,} bytes", field="sources")
    aliases = list(dict.fromkeys(names.check_word(each, "aliases") for each in request.aliases))
    if len(aliases) > limits.MOST_ALIASES:
        raise InvalidArgument(f"aliases: {len(aliases)}, at most {limits.MOST_ALIASES} at once", field="aliases")
    return NewVersion(
        project,
        dataset,
        limits.check_line(request.request_id, "request_id", limits.MAX_REQUEST_ID) or None,
        names.check_word(request.name, "name") if request.name else None,
        [_source(project, each, f"sources[{number}]") for number, each in enumerate(request.sources)],
        limits.check_prose(request.description, "description", limits.MAX_DESCRIPTION),
        limits.check_tags(request.tags),
        aliases,
    )


def _source(project: str, given: pb.NewDatasetSource, field: str) -> Source:
    uri = limits.check_line(given.uri, f"{field}.uri", limits.MAX_URI)
    reference = names.parse_uri(uri, f"{field}.uri") if names.is_reference(uri) else None
    if reference is not None and given.files:
        hint = "put them into a source of their own, without a uri"
        raise InvalidArgument(f"{field}.files: {uri} has its own files", field=f"{field}.files", hint=hint)
    if isinstance(reference, DatumUri) and reference.digest is not None:
        hint = 'give it as a file: {"path": "…", "digest": "…"}'
        raise InvalidArgument(f"{field}.uri: a blob has no path", field=f"{field}.uri", hint=hint)
    if len(given.files) > MOST_FILES:
        text = f"{field}.files: {len(given.files):,}, at most {MOST_FILES:,} fit into a version"
        raise InvalidArgument(text, field=f"{field}.files", hint="pack small files together")
    for globs, name in ((given.keep, "keep"), (given.exclude, "exclude")):
        matcher(globs, f"{field}.{name}")
    files = [_new_file(project, each, f"{field}.files[{number}]") for number, each in enumerate(given.files)]
    to = names.check_file(given.to, f"{field}.to") if given.to else ""
    return Source(uri, reference, files, list(given.keep), list(given.exclude), to)


def _new_file(project: str, given: pb.NewDatasetFile, field: str) -> File:
    path = names.check_file(given.path, f"{field}.path")
    properties = MessageToDict(given.properties) if given.HasField("properties") else {}
    known = limits.check_properties(properties, path)
    if given.HasField("object") == bool(given.digest):
        hint = "the sha256 of a blob of the project, or object: {uri, etag} of one that lies elsewhere"
        raise InvalidArgument(f"{field}: {shown(path)} needs one of digest and object", field=field, hint=hint)
    if given.digest:
        digest = blobs.check_digest(given.digest, f"{field}.digest")
        return File(path, datum_id(project, path, (given.digest,), known), digest, 0, properties=known)
    content = _object(given, field)
    ident: uuid.UUID = datum_id(project, path, content, known)
    return File(path, ident, None, given.size, *content, properties=known)


def _object(given: pb.NewDatasetFile, field: str) -> tuple[str, str, str | None]:
    uri = limits.check_line(given.object.uri, f"{field}.object.uri", limits.MAX_URI)
    bucket, _, key = uri.removeprefix(_OBJECT).partition("/")
    if not uri.startswith(_OBJECT) or not bucket or not key:
        hint = "s3://BUCKET/KEY"
        raise InvalidArgument(f"{field}.object.uri: {shown(uri)} is no object", field=f"{field}.object.uri", hint=hint)
    etag = limits.check_line(given.object.etag, f"{field}.object.etag", limits.MAX_REQUEST_ID).strip('"')
    if not etag:
        hint = "what the S3 server says of the object: it tells whether the object was changed"
        raise InvalidArgument(f"{field}.object.etag: there is none", field=f"{field}.object.etag", hint=hint)
    if not 0 <= given.size < 2**53:
        raise InvalidArgument(f"{field}.size: {given.size} is not a number of bytes", field=f"{field}.size")
    version = limits.check_line(given.object.version_id, f"{field}.object.version_id", 1024)
    return uri, etag, version or None
