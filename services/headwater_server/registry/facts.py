"""The events of this service: each change is one fact, built here from what has changed. Pure."""

from datetime import datetime
from typing import Any

from google.protobuf.message import Message

from headwater.api.common.v1 import common_pb2
from headwater.api.events.v1 import events_pb2
from headwater_server.kit.auth import Actor
from headwater_server.kit.clock import timestamp
from headwater_server.registry.promotions import Move


def actor_message(actor: Actor) -> common_pb2.Actor:
    return common_pb2.Actor(kind=actor.kind, name=actor.name, run_id=actor.run_id)


def created(project: str, name: str, actor: Actor, at: datetime) -> Message:
    return events_pb2.ModelCreated(project=project, name=name, at=timestamp(at), actor=actor_message(actor))


def updated(
    project: str, name: str, version: int, description: str, tags: dict[str, str], actor: Actor, at: datetime
) -> Message:
    """description and tags as they are now, not only what has changed."""
    return events_pb2.ModelUpdated(
        project=project, name=name, version=version, description=description, tags=tags,
        at=timestamp(at), actor=actor_message(actor),
    )  # fmt: skip


def version_created(
    project: str, name: str, version: int, new: dict[str, Any], actor: Actor, at: datetime, uid: int
) -> Message:
    origin = new["lineage"] or {}
    return events_pb2.ModelVersionCreated(
        project=project, name=name, version=version, digest=new["digest"], metrics=new["metrics"],
        run_id=origin.get("runId", ""), step=origin.get("step", ""), task_id=origin.get("taskId", ""),
        artifact=origin.get("artifact", ""), code_package=origin.get("codePackage", ""),
        model_id=new.get("logged_model", ""), model_source=new.get("source", ""),
        at=timestamp(at), actor=actor_message(actor), model_uid=uid,
    )  # fmt: skip


def moved(project: str, name: str, move: Move, at: datetime, uid: int) -> Message:
    actor = actor_message(move.actor)
    if not move.version:
        return events_pb2.ModelAliasRemoved(
            project=project, name=name, alias=move.alias, previous_version=move.previous, reason=move.reason,
            at=timestamp(at), actor=actor, model_uid=uid,
        )  # fmt: skip
    return events_pb2.ModelPromoted(
        project=project, name=name, alias=move.alias, version=move.version, previous_version=move.previous,
        reason=move.reason, metrics=move.metrics, at=timestamp(at), actor=actor, model_uid=uid,
    )  # fmt: skip


def renamed(project: str, name: str, previous: str, actor: Actor, at: datetime, uid: int) -> Message:
    return events_pb2.ModelRenamed(
        project=project, name=name, previous_name=previous, at=timestamp(at), actor=actor_message(actor), model_uid=uid
    )


def deleted(project: str, name: str, actor: Actor, at: datetime, uid: int) -> Message:
    return events_pb2.ModelDeleted(
        project=project, name=name, at=timestamp(at), actor=actor_message(actor), model_uid=uid
    )


def version_deleted(project: str, name: str, version: int, actor: Actor, at: datetime, uid: int) -> Message:
    return events_pb2.ModelVersionDeleted(
        project=project, name=name, version=version, at=timestamp(at), actor=actor_message(actor), model_uid=uid
    )


def logged(project: str, ident: str, values: dict[str, str], actor: Actor, at: datetime) -> Message:
    """values: name, run_id, experiment_id, model_type."""
    return events_pb2.ModelLogged(
        project=project, model_id=ident, at=timestamp(at), actor=actor_message(actor), **values
    )


def stage_changed(
    project: str, name: str, version: int, stage: str, previous: str, actor: Actor, at: datetime
) -> Message:
    return events_pb2.ModelStageChanged(
        project=project, name=name, version=version, stage=stage, previous_stage=previous,
        at=timestamp(at), actor=actor_message(actor),
    )  # fmt: skip
