"""Rows as the JSON of MLflow's REST API: what is not set is left out, empty lists too; NaN and infinities are text."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headwater_server.tracking.limits import to_micros

DEFAULT_ID = "0"
DEFAULT_EXPERIMENT = "Default"
RUN_NAME = "mlflow.runName"
PARENT = "mlflow.parentRunId"
# Positions are the numbers of TrackedRunState; MLflow numbers its own otherwise.
STATUS = ("", "RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED")
STATUS_NUMBERS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


def millis(at: datetime) -> int:
    return to_micros(at) // 1000


def number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def experiment_id(row: Any, name: str = "name", key: str = "id") -> str:
    """The default experiment of every project is "0"."""
    return DEFAULT_ID if row[name] == DEFAULT_EXPERIMENT else str(row[key])


def location(given: str, experiment: str) -> str:
    return given or f"mlflow-artifacts:/{experiment}"


def experiment(row: Any) -> dict[str, Any]:
    ident = experiment_id(row)
    answer = {
        "experiment_id": ident,
        "name": row["name"],
        "artifact_location": location(row["artifact_location"], ident),
        "lifecycle_stage": "deleted" if row["deleted"] else "active",
        "last_update_time": millis(row["updated_at"]),
        "creation_time": millis(row["created_at"]),
    }
    if row["tags"]:
        answer["tags"] = [{"key": key, "value": value} for key, value in row["tags"].items()]
    return answer


def run_info(row: Any, tags: Mapping[str, str]) -> dict[str, Any]:
    run = row["uuid"].hex
    experiment = experiment_id(row, "experiment", "experiment_id")
    info = {
        "run_id": run,
        "run_uuid": run,
        "run_name": row["name"],
        "experiment_id": experiment,
        "user_id": row["user_name"] or tags.get("headwater.user", ""),
        "status": STATUS[row["state"]],
        "start_time": millis(row["started_at"]),
        "artifact_uri": f"{location(row['artifact_location'], experiment).rstrip('/')}/{run}/artifacts",
        "lifecycle_stage": "deleted" if row["deleted"] else "active",
    }
    if row["finished_at"] is not None:
        info["end_time"] = millis(row["finished_at"])
    return info


def tag_list(row: Any, tags: Mapping[str, str]) -> list[dict[str, str]]:
    """With those that follow from the run itself: its name, its parent."""
    found = [{"key": key, "value": value} for key, value in tags.items() if key not in (RUN_NAME, PARENT)]
    found.append({"key": RUN_NAME, "value": row["name"]})
    parent = row["parent"].hex if row["parent"] else tags.get(PARENT)
    if parent:
        found.append({"key": PARENT, "value": parent})
    return found


def dataset_input(row: Any) -> dict[str, Any]:
    dataset = {name: row[name] for name in ("name", "digest", "source_type", "source")}
    for name in ("schema", "profile"):
        if row[name] is not None:
            dataset[name] = row[name]
    answer: dict[str, Any] = {"dataset": dataset}
    if row["tags"]:
        answer["tags"] = row["tags"]
    return answer
