"""Puts experiments into a Headwater server. Doing it again changes nothing; doing it again after a crash completes it.

Runs get ids of their own, computed from the ones they had (records.new_run_id); what they had stays in a tag.
"""

import hashlib
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from headwater.client.http import API, Connection, segment
from headwater.errors import AlreadyExists, HeadwaterError
from headwater.transfer.records import (
    ORIGIN_TAG,
    ExperimentRecord,
    FileRecord,
    ModelRecord,
    RunRecord,
    Series,
    Source,
    new_run_id,
    number_to_json,
    sha256_of,
)
from headwater.transfer.server import MLFLOW, PROXY, TIMEOUT, ServerSource, files_below

_AT_ONCE = 1000
_GOING_ON = ("RUNNING", "SCHEDULED")


@dataclass
class Report:
    """What was done. run_ids, model_ids: old ones to new ones."""

    experiments: int = 0
    runs: int = 0
    runs_there_before: int = 0
    points: int = 0
    files: int = 0
    models: int = 0
    skipped: list[str] = field(default_factory=list)
    run_ids: dict[str, str] = field(default_factory=dict)
    model_ids: dict[str, str] = field(default_factory=dict)


class Target:
    def __init__(self, conn: Connection, say: Callable[[str], None] = lambda text: None) -> None:
        """say(text): told of each run."""
        self._conn, self._say = conn, say
        self._api = ServerSource(conn)
        self.report = Report()

    def put(self, source: Source, experiment: str = "") -> Report:
        """Everything of a source. experiment: put all runs into this one instead of those that they were in."""
        for record in source.experiments():
            name = experiment or record.name
            ident = self._experiment(name, record)
            self.report.experiments += 1
            for run in source.runs(record):
                self._run(name, run, source)
            for model in source.models(record):
                self._model(ident, model, source)
        return self.report

    def _experiment(self, name: str, record: ExperimentRecord) -> str:
        """Its id here."""
        tags = [{"key": key, "value": value} for key, value in record.tags.items()]
        try:
            return self.ask("POST", f"{MLFLOW}/experiments/create", {"name": name, "tags": tags})["experiment_id"]
        except HeadwaterError as error:
            if not isinstance(error, AlreadyExists) and "already exists" not in error.message:
                raise
        found = self.ask("GET", f"{MLFLOW}/experiments/get-by-name", experiment_name=name)["experiment"]
        return found["experiment_id"]

    def ask(self, verb: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        return self._api.ask(verb, path, body, **query)

    def _run(self, experiment: str, run: RunRecord, source: Source) -> None:
        new, project = new_run_id(self._conn.project, run.run_id), self._conn.project
        parent = self.report.run_ids.get(run.parent_run_id.replace("-", ""), "")
        tags = run.tags | {ORIGIN_TAG: run.run_id}
        if run.parent_run_id and not parent:  # it did not come along
            tags["mlflow.parentRunId"] = run.parent_run_id
        body = {
            "runId": new, "experiment": experiment, "name": run.name, "startedAt": _text(run.started_ms),
            "user": run.user, "parentRunId": parent, "tags": tags,
        }  # fmt: skip
        place = f"{API}/projects/{segment(project)}/tracking/import"
        # It counts as over only when all of it is here.
        begun = self._conn.call("POST", place, body | {"state": _state("SCHEDULED")}, repeatable=True, timeout=TIMEOUT)
        self._params(new, run.params)
        self._points(new, source.series(run), there=not begun.get("created"))
        if run.inputs:
            self.ask("POST", f"{MLFLOW}/runs/log-inputs", {"run_id": new.replace("-", ""), "datasets": run.inputs})
        self._files(f"runs/{new.replace('-', '')}", f"0/{new.replace('-', '')}", source.files(run))
        end = {} if run.finished_ms is None else {"finishedAt": _text(run.finished_ms)}
        self._conn.call("POST", place, body | {"state": _state(run.state)} | end, repeatable=True, timeout=TIMEOUT)
        self.report.run_ids[run.run_id.replace("-", "")] = new
        self.report.runs += bool(begun.get("created"))
        self.report.runs_there_before += not begun.get("created")
        self._say(f"{run.name} ({run.run_id}) is {new}")

    def _params(self, run: str, params: dict[str, str]) -> None:
        items = list(params.items())
        for first in range(0, len(items), _AT_ONCE):
            self._log(run, {"params": dict(items[first : first + _AT_ONCE])})

    def _points(self, run: str, series: Iterator[Series], *, there: bool) -> None:
        waiting: list[dict[str, Any]] = []
        known: dict[str, set[tuple[int, int, Any]]] = {}
        for part in series:
            if there and part.key not in known:
                known[part.key] = self._known(run, part.key)
            have = known.get(part.key, set())
            for step, at, value in zip(part.steps, part.times, map(number_to_json, part.values), strict=True):
                # A point without a time would get that of its arrival.
                at = at or 1
                if (step, at, value) not in have:
                    waiting.append({"key": part.key, "value": value, "step": str(step), "timestampMs": str(at)})
                if len(waiting) == _AT_ONCE:
                    self._log(run, {"metrics": waiting})
                    waiting = []
        if waiting:
            self._log(run, {"metrics": waiting})

    def _known(self, run: str, key: str) -> set[tuple[int, int, Any]]:
        there = RunRecord(run.replace("-", ""), "", "", 0)
        found = ServerSource(self._conn).series_of(there, [key])
        return {
            point for part in found
            for point in zip(part.steps, part.times, map(number_to_json, part.values), strict=True)
        }  # fmt: skip

    def _log(self, run: str, body: dict[str, Any]) -> None:
        batch = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        path = f"{API}/tracking/runs/{segment(run)}/batch"
        self._conn.call("POST", path, body | {"batchId": f"import-{batch}"}, timeout=TIMEOUT)
        self.report.points += len(body.get("metrics", ()))

    def _model(self, experiment: str, model: ModelRecord, source: Source) -> None:
        ident = self._model_there(experiment, model) or self._new_model(experiment, model)
        self._files(f"models/{ident}", f"0/models/{ident}", source.files(model))
        if model.status == "READY":
            body = {"model_id": ident, "status": 2}
            self.ask("PATCH", f"{MLFLOW}/logged-models/{segment(ident)}", body)
        self.report.model_ids[model.model_id] = ident
        self.report.models += 1

    def _model_there(self, experiment: str, model: ModelRecord) -> str:
        text = f"tags.`{ORIGIN_TAG}` = '{model.model_id}'"
        body = {"experiment_ids": [experiment], "filter": text, "max_results": 1}
        found = self.ask("POST", f"{MLFLOW}/logged-models/search", body).get("models", [])
        return found[0]["info"]["model_id"] if found else ""

    def _new_model(self, experiment: str, model: ModelRecord) -> str:
        tags = model.tags | {ORIGIN_TAG: model.model_id}
        body = {
            "experiment_id": experiment, "name": model.name, "model_type": model.model_type,
            "source_run_id": self.report.run_ids.get(model.run_id.replace("-", ""), "").replace("-", ""),
            "params": [{"key": k, "value": v} for k, v in model.params.items()],
            "tags": [{"key": k, "value": v} for k, v in tags.items()],
        }  # fmt: skip
        body = {name: value for name, value in body.items() if value}
        return self.ask("POST", f"{MLFLOW}/logged-models", body)["model"]["info"]["model_id"]

    def _files(self, root: str, place: str, files: Iterator[FileRecord]) -> None:
        """root: in the tree of files; place: the same as MLflow's proxy calls it."""
        there: dict[str, str] | None = None
        for file in files:
            if there is None:
                there = {each.path: each.digest for each in files_below(self._conn, root)}
            with file.open() as data:
                if file.path in there and data.seekable():
                    if sha256_of(data) == there[file.path]:
                        continue
                    data.seek(0)
                self._upload(f"{place}/artifacts/{file.path}", data, file.size)
            self.report.files += 1

    def _upload(self, path: str, data: Any, size: int) -> None:
        target = f"{PROXY}/{'/'.join(map(segment, path.split('/')))}"
        headers = {"X-Headwater-Project": self._conn.project, "Content-Length": str(size)}
        try:
            line, response = self._conn.open("PUT", self._conn.target(target), cast("bytes", data), TIMEOUT, headers)
        except (OSError, http.client.HTTPException) as error:
            raise self._conn.unreachable(error) from error
        try:
            answer = response.read()
            if response.status >= 400:
                raise self._conn.error(response.status, answer)
        finally:
            line.close()


def _state(name: str) -> str:
    return f"TRACKED_RUN_STATE_{name}"


def _text(millis: int) -> str:
    at = datetime.fromtimestamp(millis / 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{millis % 1000:03d}Z"
