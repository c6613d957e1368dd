"""Reads what MLflow keeps: a database, a folder or a server, by the mlflow package of this environment."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from headwater.errors import HeadwaterError, InvalidArgument
from headwater.transfer.records import ExperimentRecord, ModelRecord, RunRecord, Series, parents_first

_PAGE = 1000
_POINTS = 50_000
_PARENT = "mlflow.parentRunId"
_OWN = ("mlflow.runName", _PARENT)


class MlflowSource:
    """Active experiments, those of `names` or all, with their active runs."""

    def __init__(self, uri: str, names: tuple[str, ...] = ()) -> None:
        self.mlflow, self.client = connect(uri)
        self._names = names
        self._metrics: dict[str, list[str]] = {}

    def experiments(self) -> Iterator[ExperimentRecord]:
        found = {each.name: each for each in _all(self.client.search_experiments)}
        for name in self._names:
            if name not in found:
                raise InvalidArgument(f"MLflow has no experiment {name!r}", field="experiment")
        for each in reversed(found.values()):
            if not self._names or each.name in self._names:
                yield ExperimentRecord(each.experiment_id, each.name, dict(each.tags))

    def runs(self, experiment: ExperimentRecord) -> Iterator[RunRecord]:
        runs = _all(self.client.search_runs, [experiment.experiment_id])
        yield from parents_first([self._record(run) for run in runs])

    def _record(self, run: Any) -> RunRecord:
        info, data = run.info, run.data
        self._metrics[info.run_id] = list(data.metrics)
        over = info.status not in ("RUNNING", "SCHEDULED")
        ended = (info.end_time if info.end_time is not None else info.start_time) if over else None
        return RunRecord(
            info.run_id,
            info.run_name or info.run_id,
            info.status,
            info.start_time or 0,
            ended or (0 if over else None),
            info.user_id or "",
            data.tags.get(_PARENT, ""),
            dict(data.params),
            {key: value for key, value in data.tags.items() if key not in _OWN},
            [_dataset(each) for each in run.inputs.dataset_inputs] if run.inputs else [],
        )

    def series(self, run: RunRecord) -> Iterator[Series]:
        for key in self._metrics.get(run.run_id, ()):
            points = self.client.get_metric_history(run.run_id, key)
            for first in range(0, len(points), _POINTS):
                part = points[first : first + _POINTS]
                yield Series(key, [p.step for p in part], [p.timestamp for p in part], [p.value for p in part])

    def models(self, experiment: ExperimentRecord) -> Iterator[ModelRecord]:
        if not hasattr(self.client, "search_logged_models"):  # before MLflow 3
            return
        for model in _all(self.client.search_logged_models, [experiment.experiment_id], page=50):
            yield ModelRecord(
                model.model_id, model.name, model.source_run_id or "", model.model_type or "",
                str(getattr(model.status, "value", model.status)), dict(model.params or {}), dict(model.tags or {}),
            )  # fmt: skip

    def files(self, record: RunRecord | ModelRecord) -> Iterator["MlflowFile"]:
        if isinstance(record, ModelRecord):
            root = self.client.get_logged_model(record.model_id).artifact_location
        else:
            root = self.client.get_run(record.run_id).info.artifact_uri
        if not root:
            return
        folders = [""]
        while folders:
            for each in self._listed(root, folders.pop()):
                if each.is_dir:
                    folders.append(each.path)
                else:
                    yield MlflowFile(self.mlflow, root, each.path, each.file_size or 0)

    def _listed(self, root: str, folder: str) -> Any:
        from mlflow.store.artifact.artifact_repository_registry import (  # pyright: ignore[reportMissingImports]
            get_artifact_repository,
        )

        return get_artifact_repository(root).list_artifacts(folder or None)


@dataclass(frozen=True)
class MlflowFile:
    mlflow: Any
    root: str
    path: str
    size: int

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        folder = tempfile.mkdtemp(prefix="headwater-import-")
        try:
            place = f"{self.root.rstrip('/')}/{self.path}"
            got = self.mlflow.artifacts.download_artifacts(artifact_uri=place, dst_path=folder)
            with Path(got).open("rb") as file:
                yield file
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def connect(uri: str) -> tuple[Any, Any]:
    """The mlflow package and a client of that place. Raises HeadwaterError."""
    # Where this process is told to log is where things go, not where they come from.
    for name in [name for name in os.environ if name.startswith("MLFLOW_TRACKING_") or name == "MLFLOW_REGISTRY_URI"]:
        if not uri.startswith(("http:", "https:")):
            os.environ.pop(name)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow refuses folders unless it is told that they are meant.
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        import mlflow  # pyright: ignore[reportMissingImports]
    except ImportError:
        hint = "install it into the environment of this command: pip install mlflow"
        raise HeadwaterError("the mlflow package is not installed; it reads MLflow's stores", hint=hint) from None
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    except Exception as error:
        first = str(error).strip().splitlines()[:1] or [type(error).__name__]
        hint = "e.g. sqlite:///mlflow.db, postgresql://user:password@host/database, ./mlruns, http://host:5000"
        raise HeadwaterError(f"MLflow cannot read {uri}: {first[0][:300]}", hint=hint) from None
    return mlflow, client


def _all(search: Any, *args: Any, page: int = _PAGE) -> Iterator[Any]:
    token: str | None = None
    while True:
        found = search(*args, max_results=page, page_token=token)
        yield from found
        token = found.token
        if not token:
            return


def _dataset(each: Any) -> dict[str, Any]:
    dataset = {k: v for k, v in each.dataset.to_dictionary().items() if v is not None}
    return {"dataset": dataset, "tags": [{"key": tag.key, "value": tag.value} for tag in each.tags]}
