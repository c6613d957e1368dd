"""Nodes of the graph as answers name and show them. Pure."""

import json
from typing import Any

from headwater.api.artifact.v1 import lineage_pb2 as pb
from headwater_server.artifact.limits import is_digest
from headwater_server.artifact.lineage.nodes import KIND_NAMES


def ident(row: Any) -> str:
    """What names.parse() takes for this node."""
    kind, label = KIND_NAMES[row["kind"]], row["label"]
    match kind:
        case "blob":
            return f"sha256:{label}"
        case "code" | "environment":
            return f"{kind}:sha256:{label}" if is_digest(label) else f"{kind}:{label}"
        case "dataset":
            return f"dataset:{label}" if "@" in label else f"dataset://{label}"  # see names.py
        case "logged_model":
            return f"models:/{label}"
        case "model":
            return f"models:/{row['owner_name']}/{label}"
        case "alias":
            return f"models:/{row['owner_name']}{label}"
        case "event":
            return f"event:{label}"
    return _in_run(kind, row)


def _in_run(kind: str, row: Any) -> str:
    label = row["label"]
    run = f"{row['owner_name']}/{row['owner']}" if row["owner_name"] else str(row["owner"])
    match kind:
        case "run":
            return run
        case "artifact":
            name, _, digest = label.rpartition("@")
            return f"{run}/{name}@sha256:{digest}"
        case "step":
            step, _, path = label.partition("/")
            return f"{run}/{step}/{path}.*" if path else f"{run}/{step}/*"
    return f"{run}/{label}"


def node(row: Any, distance: int) -> pb.LineageNode:
    kind, label = KIND_NAMES[row["kind"]], row["label"]
    attrs: dict[str, Any] = json.loads(row["attrs"]) if row["attrs"] else {}
    attrs.pop("target", None)
    name, digest = _shown(kind, label, row, attrs)
    made = pb.LineageNode(id=ident(row), kind=kind, name=name, digest=digest, distance=distance)
    if row["owner"] is not None and kind not in ("model", "alias"):
        made.run_id = str(row["owner"])
    made.attributes.update(attrs)
    return made


def _shown(kind: str, label: str, row: Any, attrs: dict[str, Any]) -> tuple[str, str]:
    """Its name and its digest."""
    match kind:
        case "run":
            return row["owner_name"] or "", ""
        case "artifact":
            name, _, digest = label.rpartition("@")
            return name, digest
        case "blob" | "code" | "environment":
            return attrs.get("name") or label[:12], label if is_digest(label) else ""
        case "parameter" | "metric":
            return label.partition("/")[2], ""
        case "model" | "alias":
            return f"{row['owner_name']}{label if kind == 'alias' else '/' + label}", attrs.get("digest", "")
        case "dataset":
            return label.removesuffix("@"), attrs.get("digest", "")
        case "logged_model" | "event":
            return attrs.pop("name", "") or label, ""
    return label, ""
