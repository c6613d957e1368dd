"""Reads experiments from a Headwater server, by the API that MLflow's clients use: it has all that a run holds."""

import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from headwater.client.http import API, Connection, segment
from headwater.errors import NotFound
from headwater.transfer.records import ExperimentRecord, ModelRecord, RunRecord, Series, parents_first

MLFLOW = "/api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
_PAGE = 1000
_POINTS = 50_000
_DERIVED = ("mlflow.runName", "mlflow.parentRunId")
TIMEOUT = 600.0


class ServerSource:
    """The experiments `names`, whole, or of them only the runs `run_ids`."""

    def __init__(self, conn: Connection, names: Sequence[str] = (), run_ids: Sequence[str] = ()) -> None:
        self._conn, self._names = conn, names
        self._run_ids = [run.replace("-", "") for run in run_ids]
        self._metrics: dict[str, list[str]] = {}

    def ask(self, verb: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        headers = {"X-Headwater-Project": self._conn.project}
        return self._conn.call(verb, path, body, query, timeout=TIMEOUT, headers=headers)

    def experiments(self) -> Iterator[ExperimentRecord]:
        for name in self._names or self._names_of_runs():
            found = self.ask("GET", f"{MLFLOW}/experiments/get-by-name", experiment_name=name)["experiment"]
            yield ExperimentRecord(found["experiment_id"], found["name"], _pairs(found.get("tags")))

    def _names_of_runs(self) -> list[str]:
        names: dict[str, None] = {}
        for run_id in self._run_ids:
            run = self._conn.call("GET", f"{API}/tracking/runs/{segment(run_id)}")["run"]
            names[run["experiment"]] = None
        return list(names)

    def runs(self, experiment: ExperimentRecord) -> Iterator[RunRecord]:
        if self._run_ids:
            found = [self.ask("GET", f"{MLFLOW}/runs/get", run_id=run_id)["run"] for run_id in self._run_ids]
            found = [run for run in found if run["info"]["experiment_id"] == experiment.experiment_id]
        else:
            found = list(self._search(experiment))
        yield from parents_first([self._record(run) for run in found])

    def _search(self, experiment: ExperimentRecord) -> Iterator[dict[str, Any]]:
        body: dict[str, Any] = {"experiment_ids": [experiment.experiment_id], "max_results": _PAGE}
        while True:
            reply = self.ask("POST", f"{MLFLOW}/runs/search", body)
            yield from reply.get("runs", ())
            if not reply.get("next_page_token"):
                return
            body["page_token"] = reply["next_page_token"]

    def _record(self, run: dict[str, Any]) -> RunRecord:
        info, data = run["info"], run["data"]
        self._metrics[info["run_id"]] = [metric["key"] for metric in data.get("metrics", ())]
        tags = _pairs(data.get("tags"))
        return RunRecord(
            info["run_id"],
            info["run_name"],
            info["status"],
            info["start_time"],
            info.get("end_time"),
            info.get("user_id", ""),
            tags.get("mlflow.parentRunId", ""),
            _pairs(data.get("params")),
            {key: value for key, value in tags.items() if key not in _DERIVED},
            run.get("inputs", {}).get("dataset_inputs", []),
        )

    def series(self, run: RunRecord) -> Iterator[Series]:
        yield from self.series_of(run, self._metrics.get(run.run_id, ()))

    def series_of(self, run: RunRecord, keys: Sequence[str]) -> Iterator[Series]:
        for key in keys:
            token: str | None = None
            while True:
                reply = self.ask(
                    "GET", f"{MLFLOW}/metrics/get-history", run_id=run.run_id, metric_key=key, max_results=_POINTS,
                    page_token=token,
                )  # fmt: skip
                points = reply.get("metrics", ())
                values = [float(point["value"]) for point in points]
                yield Series(key, [int(p["step"]) for p in points], [int(p["timestamp"]) for p in points], values)
                token = reply.get("next_page_token")
                if not token:
                    break

    def models(self, experiment: ExperimentRecord) -> Iterator[ModelRecord]:
        body: dict[str, Any] = {"experiment_ids": [experiment.experiment_id], "max_results": 50}
        while True:
            reply = self.ask("POST", f"{MLFLOW}/logged-models/search", body)
            for model in reply.get("models", ()):
                info, data = model["info"], model.get("data", {})
                run_id = info.get("source_run_id", "")
                if not self._run_ids or run_id.replace("-", "") in self._run_ids:
                    yield ModelRecord(
                        info["model_id"], info.get("name", ""), run_id, info.get("model_type", ""),
                        "READY", _pairs(data.get("params")), _pairs(info.get("tags")),
                    )  # fmt: skip
            if not reply.get("next_page_token"):
                return
            body["page_token"] = reply["next_page_token"]

    def files(self, record: RunRecord | ModelRecord) -> Iterator["ServerFile"]:
        root = f"models/{record.model_id}" if isinstance(record, ModelRecord) else f"runs/{record.run_id}"
        yield from files_below(self._conn, root)


@dataclass(frozen=True)
class ServerFile:
    conn: Connection
    root: str
    path: str
    size: int
    digest: str

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        kind, _, ident = self.root.partition("/")
        inside = f"0/models/{ident}" if kind == "models" else f"0/{ident}"
        place = f"{PROXY}/{'/'.join(map(segment, f'{inside}/artifacts/{self.path}'.split('/')))}"
        headers = {"X-Headwater-Project": self.conn.project}
        line, response = self.conn.open("GET", self.conn.target(place), None, TIMEOUT, headers)
        try:
            if response.status != 200:
                raise self.conn.error(response.status, response.read())
            yield response
        finally:
            line.close()


def files_below(conn: Connection, root: str) -> Iterator[ServerFile]:
    """All files of a run (runs/<32 hex digits>) or a logged model (models/<id>)."""
    folders = [root]
    while folders:
        folder = folders.pop()
        for file in _listed(conn, folder):
            if file.get("folder"):
                folders.append(file["path"])
            else:
                path = posixpath.relpath(file["path"], root)
                yield ServerFile(conn, root, path, int(file.get("size", 0)), file["digest"])


def _listed(conn: Connection, folder: str) -> Iterator[dict[str, Any]]:
    try:
        yield from conn.pages(f"{API}/projects/{segment(conn.project)}/files", "files", {"path": folder})
    except NotFound:
        return


def _pairs(items: Any) -> dict[str, str]:
    return {item["key"]: item.get("value", "") for item in items or ()}
