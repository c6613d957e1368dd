"""Rows of datasets as messages, and their events. Pure."""

from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from headwater.api.artifact.v1 import datasets_pb2 as pb
from headwater.api.common.v1 import common_pb2
from headwater.api.events.v1 import events_pb2
from headwater_server.artifact.datasets.names import version_uri
from headwater_server.kit.auth import Actor
from headwater_server.kit.clock import timestamp


def dataset(row: Any) -> pb.Dataset:
    return pb.Dataset(
        project=row["project"],
        name=row["name"],
        description=row["description"],
        tags=row["tags"],
        latest_version=row["latest"],
        aliases=row["aliases"],
        created_at=timestamp(row["created_at"]),
        updated_at=timestamp(row["updated_at"]),
    )


def version(project: str, name: str, row: Any) -> pb.DatasetVersion:
    return pb.DatasetVersion(
        project=project,
        dataset=name,
        version=row["number"],
        name=row["name"] or "",
        uri=version_uri(name, row["number"]),
        files=row["files"],
        size=row["size"],
        digest=row["digest"].hex(),
        sources=[pb.DatasetSource(uri=each["uri"], files=each["files"]) for each in row["sources"]],
        description=row["description"],
        tags=row["tags"],
        aliases=row["aliases"],
        run_id=row["run_id"],
        step=row["step"],
        task_id=row["task_id"],
        created_at=timestamp(row["created_at"]),
        created_by=common_pb2.Actor(**row["actor"]),
    )


def file(row: Any, url: str = "") -> pb.DatasetFile:
    made = pb.DatasetFile(path=row["path"], datum_id=str(row["datum"]), size=row["size"], url=url)
    if row["digest"] is not None:
        made.digest = row["digest"].hex()
    else:
        made.object.uri, made.object.etag = row["uri"], row["etag"] or ""
        made.object.version_id = row["object_version"] or ""
    if row["properties"]:
        made.properties.CopyFrom(_struct(row["properties"]))
    return made


def _struct(values: dict[str, Any]) -> Struct:
    made = Struct()
    made.update(values)
    return made


def move(row: Any) -> pb.DatasetAliasMove:
    return pb.DatasetAliasMove(
        alias=row["alias"],
        version=row["number"],
        previous_version=row["previous"],
        reason=row["reason"],
        at=timestamp(row["at"]),
        actor=common_pb2.Actor(**row["actor"]),
    )


def actor_json(actor: Actor) -> dict[str, str]:
    return {"kind": actor.kind, "name": actor.name, "run_id": actor.run_id}


def _actor(actor: Actor) -> common_pb2.Actor:
    return common_pb2.Actor(**actor_json(actor))


# Events


def version_created(made: pb.DatasetVersion) -> Message:
    """Also for whoever draws what was made from what: all sources, and the task."""
    return events_pb2.DatasetVersionCreated(
        project=made.project, name=made.dataset, version=made.version, version_name=made.name, uri=made.uri,
        files=made.files, size=made.size, digest=made.digest, sources=[each.uri for each in made.sources],
        aliases=made.aliases, tags=made.tags, description=made.description, run_id=made.run_id, step=made.step,
        task_id=made.task_id, at=made.created_at, actor=made.created_by,
    )  # fmt: skip


def alias_moved(project: str, name: str, row: Any) -> Message:
    about: dict[str, Any] = {
        "project": project, "name": name, "alias": row["alias"], "previous_version": row["previous"],
        "reason": row["reason"], "at": timestamp(row["at"]), "actor": common_pb2.Actor(**row["actor"]),
    }  # fmt: skip
    if not row["number"]:
        return events_pb2.DatasetAliasRemoved(**about)
    return events_pb2.DatasetAliasMoved(version=row["number"], uri=version_uri(name, row["number"]), **about)


def version_deleted(project: str, name: str, number: int, actor: Actor, at: datetime) -> Message:
    return events_pb2.DatasetVersionDeleted(
        project=project, name=name, version=number, at=timestamp(at), actor=_actor(actor)
    )


def deleted(project: str, name: str, actor: Actor, at: datetime) -> Message:
    return events_pb2.DatasetDeleted(project=project, name=name, at=timestamp(at), actor=_actor(actor))
