"""log_input: which data a run has used. Datasets of mlflow.data are taken as they are; frames, arrays, files and URLs
are described here, by a digest of their content."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headwater.errors import ArtifactError, InvalidArgument
from headwater.tracking.files import run_of_call
from headwater.tracking.session import session

_CONTEXT = "mlflow.data.context"
_PATH = "/api/2.0/mlflow/runs/log-inputs"


def log_input(
    dataset: Any,
    context: str = "",
    *,
    tags: dict[str, str] | None = None,
    name: str = "",
    source: str = "",
    run_id: str = "",
) -> None:
    """Logs that the run uses a dataset, e.g. log_input(frame, context="training", name="spam", source="s3://…").

    dataset: one of mlflow.data, a pandas DataFrame, a numpy array, the path of a file, or a URL. name, source: how it
    is called and where it comes from, for those that do not say it themselves. Raises InvalidArgument.
    """
    log_inputs([dataset], [context], [tags], name=name, source=source, run_id=run_id)


def log_inputs(
    datasets: Sequence[Any],
    contexts: Sequence[str] = (),
    tags_list: Sequence[dict[str, str] | None] = (),
    *,
    name: str = "",
    source: str = "",
    run_id: str = "",
) -> None:
    """Logs several datasets; see log_input."""
    run = run_of_call(run_id).replace("-", "")
    inputs: list[dict[str, Any]] = []
    for number, dataset in enumerate(datasets):
        tags = dict((tags_list[number] if number < len(tags_list) else None) or {})
        if number < len(contexts) and contexts[number]:
            tags[_CONTEXT] = contexts[number]
        pairs = [{"key": str(key), "value": str(value)} for key, value in tags.items()]
        inputs.append({"dataset": describe(dataset, name, source), "tags": pairs})
    session().request("POST", _PATH, {"run_id": run, "datasets": inputs}, run)


def describe(dataset: Any, name: str = "", source: str = "") -> dict[str, Any]:
    """name, digest, source_type, source, and where known schema and profile as JSON text."""
    if hasattr(dataset, "to_dict") and hasattr(dataset, "digest"):
        told = dict(dataset.to_dict())
        return {key: value for key, value in told.items() if value is not None}
    if hasattr(dataset, "columns") and hasattr(dataset, "to_numpy"):
        return _frame(dataset, name, source)
    if hasattr(dataset, "tobytes") and hasattr(dataset, "dtype"):
        digest = hashlib.sha256(str((dataset.dtype, dataset.shape)).encode() + dataset.tobytes()).hexdigest()
        profile = {"shape": list(dataset.shape), "size": int(dataset.size), "nbytes": int(dataset.nbytes)}
        return _described(name or "array", digest, source, profile=profile)
    if isinstance(dataset, (str, os.PathLike)):
        return _place(str(dataset), name, source)
    raise InvalidArgument(
        f"dataset is a {type(dataset).__name__}, which nobody here can describe",
        field="dataset",
        hint="give one of mlflow.data, a DataFrame, an array, a path or a URL",
    )


def _frame(frame: Any, name: str, source: str) -> dict[str, Any]:
    schema = [
        {"name": str(column), "type": str(kind)} for column, kind in zip(frame.columns, frame.dtypes, strict=True)
    ]
    digest = hashlib.sha256(json.dumps(schema).encode() + frame.to_csv(index=False).encode()).hexdigest()
    profile = {"num_rows": len(frame), "num_elements": int(frame.size)}
    return _described(name or "dataframe", digest, source, schema={"columns": schema}, profile=profile)


def _place(text: str, name: str, source: str) -> dict[str, Any]:
    short = name or text.rstrip("/").rpartition("/")[2] or text
    if "://" in text and not text.startswith("file://"):
        return _described(short, hashlib.sha256(text.encode()).hexdigest(), source or text)
    path = Path(text.removeprefix("file://"))
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ArtifactError(f"dataset {path}: {error.strerror}", path=str(path)) from None
    return _described(short, digest, source or path.absolute().as_uri(), profile={"size": path.stat().st_size})


def _described(
    name: str, digest: str, source: str, *, schema: dict[str, Any] | None = None, profile: dict[str, Any] | None = None
) -> dict[str, Any]:
    kind = source.partition("://")[0] if "://" in source else "code"
    kind = {"file": "local", "https": "http"}.get(kind, kind)
    told: dict[str, Any] = {"name": name, "digest": digest[:16], "source_type": kind}
    told["source"] = json.dumps({"uri": source} if source else {})
    for key, value in (("schema", schema), ("profile", profile)):
        if value is not None:
            told[key] = json.dumps(value)
    return told
