"""Dataset, DatasetVersion, DatasetFile, AliasMove: what the server knows, as plain values; names of data. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from headwater.client.numbers import plain_number
from headwater.client.resources import timestamp
from headwater.errors import InvalidArgument
from headwater.models.types import actor_name

DATASET, DATUM = "dataset://", "datum://"


def is_reference(value: object) -> bool:
    """Does a value name data, as dataset://… or datum://…?"""
    return isinstance(value, str) and value.startswith((DATASET, DATUM))


class Reference(NamedTuple):
    """A part of a dataset: version as the API takes it, path of a file or folder ("": all)."""

    dataset: str
    version: str
    path: str = ""


def parse_reference(reference: "str | DatasetVersion | DatasetFile") -> Reference:
    """Of "dataset://digits/production[/PATH]", "digits/3" or "digits" (its latest). Raises InvalidArgument."""
    text = str(reference).removeprefix(DATASET)
    name, _, rest = text.partition("/")
    version, _, path = rest.partition("/")
    if not name or text.startswith(DATUM) or "://" in text or (("/" in text) and not version):
        hint = "dataset://NAME/VERSION, where VERSION is a number, a name, an alias or latest"
        raise InvalidArgument(f"{str(reference)!r} names no dataset", field="dataset", hint=hint)
    return Reference(name, version or "latest", path)


@dataclass(frozen=True)
class DatasetVersion:
    """One version of a dataset; `str(version)` is its URI.

    files: how many; size: bytes of all; digest: equal for equal paths and contents. sources: what it was made from, as
    URIs. aliases: those that point here now. run_id, step, task_id: the task that made it.
    """

    dataset: str
    version: int
    name: str = ""
    uri: str = ""
    files: int = 0
    size: int = 0
    digest: str = ""
    sources: tuple[str, ...] = ()
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    run_id: str = ""
    step: str = ""
    task_id: str = ""
    created_at: datetime | None = None
    created_by: str = ""

    def __str__(self) -> str:
        return self.uri


@dataclass(frozen=True)
class Dataset:
    """A dataset: aliases maps each alias to the number of the version it points at."""

    name: str
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    latest_version: int = 0
    aliases: dict[str, int] = field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class DatasetFile:
    """A file of a version. digest: of its blob; "" for an object that lies elsewhere, at object_uri, with that etag.

    datum_id: datum://ID is this file. properties: what was said of it when the version was made.
    """

    path: str
    datum_id: str
    digest: str = ""
    size: int = 0
    properties: dict[str, Any] = field(default_factory=dict)
    object_uri: str = ""
    etag: str = ""
    object_version: str = ""
    url: str = field(default="", repr=False)

    @property
    def uri(self) -> str:
        return f"{DATUM}{self.datum_id or self.digest}"


@dataclass(frozen=True)
class AliasMove:
    """One move of an alias. version 0: it was removed; previous_version 0: it was not set."""

    alias: str
    version: int
    previous_version: int
    reason: str
    actor: str
    at: datetime | None


def parse_version(body: dict[str, Any]) -> DatasetVersion:
    return DatasetVersion(
        dataset=body.get("dataset", ""),
        version=int(body.get("version", 0)),
        name=body.get("name", ""),
        uri=body.get("uri", ""),
        files=int(body.get("files", 0)),
        size=int(body.get("size", 0)),
        digest=body.get("digest", ""),
        sources=tuple(each.get("uri", "") for each in body.get("sources", ())),
        description=body.get("description", ""),
        tags=body.get("tags", {}),
        aliases=tuple(body.get("aliases", ())),
        run_id=body.get("runId", ""),
        step=body.get("step", ""),
        task_id=body.get("taskId", ""),
        created_at=timestamp(body.get("createdAt")),
        created_by=actor_name(body.get("createdBy", {})),
    )


def parse_dataset(body: dict[str, Any]) -> Dataset:
    return Dataset(
        name=body.get("name", ""),
        description=body.get("description", ""),
        tags=body.get("tags", {}),
        latest_version=int(body.get("latestVersion", 0)),
        aliases={alias: int(version) for alias, version in body.get("aliases", {}).items()},
        created_at=timestamp(body.get("createdAt")),
        updated_at=timestamp(body.get("updatedAt")),
    )


def parse_file(body: dict[str, Any]) -> DatasetFile:
    elsewhere = body.get("object", {})
    return DatasetFile(
        path=body.get("path", ""),
        datum_id=body.get("datumId", ""),
        digest=body.get("digest", ""),
        size=int(body.get("size", 0)),
        properties=plain_number(body.get("properties", {})),
        object_uri=elsewhere.get("uri", ""),
        etag=elsewhere.get("etag", ""),
        object_version=elsewhere.get("versionId", ""),
        url=body.get("url", ""),
    )


def parse_move(body: dict[str, Any]) -> AliasMove:
    return AliasMove(
        alias=body.get("alias", ""),
        version=int(body.get("version", 0)),
        previous_version=int(body.get("previousVersion", 0)),
        reason=body.get("reason", ""),
        actor=actor_name(body.get("actor", {})),
        at=timestamp(body.get("at")),
    )
