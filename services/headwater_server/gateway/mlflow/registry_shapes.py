"""Models and versions of the registry as MLflow shows them. Pure."""

import re
from typing import Any

from headwater.api.registry.v1 import registry_pb2 as pb

_DASHED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def millis(at: Any) -> int:
    return at.ToMilliseconds()


def run_id_of(text: str) -> str:
    """The id of a run as MLflow writes it: 32 hex digits."""
    return text.replace("-", "") if _DASHED.match(text) else text


def pairs(values: Any) -> list[dict[str, str]]:
    return [{"key": key, "value": values[key]} for key in sorted(values)]


def version(v: pb.ModelVersion) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": v.name,
        "version": str(v.version),
        "creation_timestamp": millis(v.created_at),
        "last_updated_timestamp": millis(v.updated_at),
        "user_id": v.created_by.name,
        "current_stage": v.stage,
        "description": v.description,
        "source": v.source or f"headwater:/models/{v.name}/{v.version}",
        "run_id": run_id_of(v.lineage.run_id),
        "status": "READY",
        "run_link": v.run_link,
    }
    if v.tags:
        shown["tags"] = pairs(v.tags)
    if v.aliases:
        shown["aliases"] = list(v.aliases)
    if v.model_id:
        shown["model_id"] = v.model_id
    return shown


def model(m: pb.Model) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": m.name,
        "creation_timestamp": millis(m.created_at),
        "last_updated_timestamp": millis(m.updated_at),
    }
    if m.description:
        shown["description"] = m.description
    if m.latest_versions:
        shown["latest_versions"] = [version(v) for v in m.latest_versions]
    if m.tags:
        shown["tags"] = pairs(m.tags)
    if m.aliases:
        shown["aliases"] = [{"alias": alias, "version": str(m.aliases[alias])} for alias in sorted(m.aliases)]
    return shown
