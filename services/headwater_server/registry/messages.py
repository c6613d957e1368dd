"""Rows as messages of the API."""

from datetime import datetime
from typing import Any

from headwater.api.common.v1 import common_pb2
from headwater.api.registry.v1 import registry_pb2 as pb
from headwater_server.kit.auth import Actor
from headwater_server.kit.clock import timestamp


def actor_row(actor: Actor) -> dict[str, str]:
    return {"kind": actor.kind, "name": actor.name, "runId": actor.run_id}


def _actor(row: dict[str, str]) -> common_pb2.Actor:
    return common_pb2.Actor(kind=row["kind"], name=row["name"], run_id=row["runId"])


def _moment(text: str | None) -> Any:
    return timestamp(datetime.fromisoformat(text)) if text else None


def model(row: Any) -> pb.Model:
    return pb.Model(
        project=row["project"],
        name=row["name"],
        description=row["description"],
        tags=row["tags"],
        created_at=timestamp(row["created_at"]),
        updated_at=timestamp(row["updated_at"]),
        latest_version=row["latest_version"],
        aliases=row["aliases"],
    )


def version(row: Any) -> pb.ModelVersion:
    answer = pb.ModelVersion(
        project=row["project"],
        name=row["name"],
        version=row["version"],
        digest=row["digest"],
        size=row["size"],
        encoding=row["encoding"],
        description=row["description"],
        tags=row["tags"],
        metrics=row["metrics"],
        aliases=row["aliases"],
        created_at=timestamp(row["created_at"]),
        created_by=_actor(row["created_by"]),
        type=row["type"],
        source=row["source"],
        storage_uri=row["storage_uri"],
        run_link=row["run_link"],
        model_id=row["logged_model"],
        model_uid=row["model_id"],
        stage=row["stage"],
        updated_at=timestamp(row["updated_at"]),
    )
    if row["signature"] is not None:
        answer.signature.update(row["signature"])
    if lineage := row["lineage"]:
        answer.lineage.CopyFrom(
            pb.Lineage(
                flow=lineage.get("flow", ""),
                run_id=lineage.get("runId", ""),
                step=lineage.get("step", ""),
                task_id=lineage.get("taskId", ""),
                attempt=lineage.get("attempt", 0),
                artifact=lineage.get("artifact", ""),
                code_package=lineage.get("codePackage", ""),
                run_deleted_at=_moment(lineage.get("runDeletedAt")),
            )
        )
    return answer


def promotion(row: Any) -> pb.Promotion:
    return pb.Promotion(
        project=row["project"],
        name=row["name"],
        alias=row["alias"],
        version=row["version"],
        previous_version=row["previous_version"],
        reason=row["reason"],
        metrics=row["metrics"],
        actor=_actor(row["actor"]),
        at=timestamp(row["at"]),
        event_id=row["event_id"],
    )
