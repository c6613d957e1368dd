"""Registers model versions and moves aliases.

The model's bytes are stored first, then the version that names them; inside a step the version carries its lineage.
"""

import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headwater.client.http import connect, segment
from headwater.client.requests import request_id
from headwater.errors import ArtifactError, InvalidArgument
from headwater.models.read import models_path
from headwater.models.types import ModelVersion, Promotion, parse_promotion, parse_version


def register_model(
    name: str,
    model: Any,
    *,
    metrics: Mapping[str, float] | None = None,
    signature: Mapping[str, Any] | None = None,
    description: str = "",
    tags: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """Stores a model and makes it the next version of `name`, which is created on first use.

    model: any object that pickles, a pathlib.Path (the file's content), or a DataArtifact of the client (nothing is
    copied when it has a blob of its own). signature: see infer_signature. Inside a step, run, step, task and code
    package are recorded as its lineage.
    Raises ArtifactError when the object cannot be stored, InvalidArgument for a wrong name, metric or tag.

        version = register_model("digits", classifier, metrics={"accuracy": 0.98}, signature=infer_signature(X, y))
        promote("digits", version, alias="champion", reason="best of 12")
    """
    numbers = _numbers(metrics)
    labels = {str(key): str(value) for key, value in (tags or {}).items()}
    entry = _store(name, model, labels)
    conn = connect()
    body = {
        "requestId": request_id("register", name, entry["digest"]),
        **entry,
        "description": description,
        "tags": labels,
        "metrics": numbers,
        "signature": dict(signature or {}),
        "lineage": _lineage(model),
    }
    version = parse_version(conn.call("POST", f"{models_path(conn, name)}/versions", body)["version"])
    _note_on_run(version)
    return version


def _note_on_run(version: ModelVersion) -> None:
    """A tag on the task's tracked run, so that the run shows what it made."""
    from headwater.runtime.channel import active

    channel = active()
    if channel is not None:
        channel.send_metrics([], {}, {f"headwater.model.{version.name}": str(version.version)})


def promote(
    name: str,
    version: "ModelVersion | int | str",
    alias: str = "champion",
    *,
    reason: str = "",
    metrics: Mapping[str, float] | None = None,
    expected_version: int | None = None,
) -> Promotion:
    """Points an alias at a version and records who did it, why, and on which metrics (default: those of the version).

    version: a ModelVersion, a number, "latest" or "@other-alias". expected_version: refuse (Aborted or
    FailedPrecondition) unless the alias points there now, 0 for "is not set". The event model.promoted follows.
    """
    number = str(version.version if isinstance(version, ModelVersion) else version)
    body: dict[str, Any] = {"version": number, "reason": reason}
    body["requestId"] = request_id("promote", name, alias, number, reason)
    if metrics is not None:
        body["metrics"] = _numbers(metrics)
    if expected_version is not None:
        body["expectedVersion"] = expected_version
    conn = connect()
    return parse_promotion(conn.call("PUT", _alias_path(name, alias), body)["promotion"])


def remove_alias(name: str, alias: str, *, reason: str = "") -> Promotion:
    """Takes an alias away; load_model("name@alias") then raises NotFound."""
    conn = connect()
    return parse_promotion(conn.call("DELETE", _alias_path(name, alias), query={"reason": reason})["promotion"])


def update_model(name: str, *, description: str | None = None, tags: Mapping[str, Any] | None = None) -> None:
    """Changes the description or sets tags of a model."""
    conn = connect()
    conn.call("PATCH", models_path(conn, name), _changes(description, tags))


def update_version(
    name: str, version: int | str, *, description: str | None = None, tags: Mapping[str, Any] | None = None
) -> ModelVersion:
    """Changes the description or sets tags of a version."""
    conn = connect()
    path = f"{models_path(conn, name)}/versions/{segment(str(version))}"
    return parse_version(conn.call("PATCH", path, _changes(description, tags))["version"])


def _changes(description: str | None, tags: Mapping[str, Any] | None) -> dict[str, Any]:
    body: dict[str, Any] = {"setTags": {str(key): str(value) for key, value in (tags or {}).items()}}
    if description is not None:
        body["description"] = description
    return body


def _alias_path(name: str, alias: str) -> str:
    if not alias:
        raise InvalidArgument("alias is empty", field="alias", hint='name one, e.g. alias="champion"')
    return f"{models_path(connect(), name)}/aliases/{segment(alias)}"


def _numbers(metrics: Mapping[str, float] | None) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for key, value in (metrics or {}).items():
        try:
            numbers[str(key)] = float(value)
        except (TypeError, ValueError):
            raise InvalidArgument(f"metric {key!r} got {value!r}, which is not a number", field="metrics") from None
        if not math.isfinite(numbers[str(key)]):
            raise InvalidArgument(f"metric {key!r} of a model is {value!r}, not a finite number", field="metrics")
    return numbers


def _store(name: str, model: Any, labels: dict[str, str]) -> dict[str, Any]:
    """Uploads the model; returns digest, size, encoding and type."""
    from headwater.artifacts import blobs
    from headwater.client.values import DataArtifact
    from headwater.runtime import codec
    from headwater.runtime.manifest import type_name

    if isinstance(model, DataArtifact):
        if model.has_blob:
            return {"digest": model.sha, "size": str(model.size), "encoding": model.encoding, "type": model.type}
        model = model.data
    if isinstance(model, Path):
        labels.setdefault("headwater.file", model.name)
        digest = blobs.put(model)
        return {"digest": digest, "size": str(model.stat().st_size), "encoding": "file", "type": "file"}
    try:
        encoded = codec.encode(model)
    except codec.Unpicklable as error:
        text = f"model {name!r} cannot be stored: {type_name(model)}{error.path}: {error.reason}"
        raise ArtifactError(text, name=name, path=error.path) from error
    entry = {"size": str(encoded.size), "encoding": encoded.encoding, "type": type_name(model)}
    if encoded.size < 1 << 20:
        return {"digest": blobs.put(encoded.join()), **entry}
    with tempfile.NamedTemporaryFile(prefix="headwater-model-") as file:
        for part in encoded:
            file.write(part)
        file.flush()
        return {"digest": blobs.put(Path(file.name)), **entry}


def _lineage(model: Any) -> dict[str, Any]:
    """Where the model comes from: the task that registers it, or the task whose artifact it is."""
    from headwater.client.values import DataArtifact

    if isinstance(model, DataArtifact):
        task = model.parent
        flow, run_id, step, task_id = task.path_components
        code = task.code.path if task.code else ""
        names: dict[str, Any] = {"flow": flow, "runId": run_id, "step": step, "taskId": task_id, "artifact": model.id}
        return {**names, "attempt": task.dispatch, "codePackage": code}
    run_id = os.environ.get("HEADWATER_RUN_ID", "")
    if not run_id:
        return {}
    return {
        "flow": os.environ.get("HEADWATER_FLOW", ""),
        "runId": run_id,
        "step": os.environ.get("HEADWATER_STEP", ""),
        "taskId": os.environ.get("HEADWATER_TASK_ID", ""),
        "attempt": int(os.environ.get("HEADWATER_ATTEMPT") or 0),
        "codePackage": os.environ.get("HEADWATER_CODE_PACKAGE") or _code_package(run_id),
    }


def _code_package(run_id: str) -> str:
    from headwater.client.resources import get_run

    return get_run(run_id).get("code", {}).get("package", "")
