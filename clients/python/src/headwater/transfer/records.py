"""What travels: experiments, runs, series of points, models and files, apart from where they lie."""

import hashlib
import json
import math
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import IO, Any, Protocol

# Times are milliseconds since the Unix epoch.
STATES = ("RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED")
ORIGIN_TAG = "headwater.imported_from"
_NAMESPACE = uuid.UUID("7f1f8c5e-3c1d-5a55-9d53-64b5c1b6a0aa")


@dataclass(frozen=True)
class ExperimentRecord:
    experiment_id: str
    name: str
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """finished_ms is None exactly where the state is RUNNING or SCHEDULED. inputs: as MLflow's REST API has them."""

    run_id: str
    name: str
    state: str
    started_ms: int
    finished_ms: int | None = None
    user: str = ""
    parent_run_id: str = ""
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class ModelRecord:
    """A logged model of an experiment."""

    model_id: str
    name: str
    run_id: str = ""
    model_type: str = ""
    status: str = "READY"
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Series:
    """Points of one metric, or a part of them, by column."""

    key: str
    steps: list[int]
    times: list[int]
    values: list[float]


class FileRecord(Protocol):
    """A file of a run or a model; path has "/" between its parts."""

    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...
    def open(self) -> AbstractContextManager[IO[bytes]]: ...


class Source(Protocol):
    """Where experiments come from. Parents come before the runs below them."""

    def experiments(self) -> Iterator[ExperimentRecord]: ...
    def runs(self, experiment: ExperimentRecord) -> Iterator[RunRecord]: ...
    def series(self, run: RunRecord) -> Iterator[Series]: ...
    def models(self, experiment: ExperimentRecord) -> Iterator[ModelRecord]: ...
    def files(self, record: RunRecord | ModelRecord) -> Iterator[FileRecord]: ...


def parents_first(runs: list[RunRecord]) -> list[RunRecord]:
    """Those whose parent is not among them come as they are; a circle ends somewhere."""
    by_id, done = {run.run_id: run for run in runs}, dict[str, RunRecord]()
    for run in runs:
        line: list[RunRecord] = []
        while run is not None and run.run_id not in done and run not in line:
            line.append(run)
            run = by_id.get(run.parent_run_id)
        done |= {each.run_id: each for each in reversed(line)}
    return list(done.values())


def new_run_id(project: str, run_id: str) -> str:
    """The id of an imported run: always the same for one run in one project, and never the one that it had."""
    return str(uuid.uuid5(_NAMESPACE, f"{project}\0{run_id.replace('-', '').lower()}"))


def to_json(record: Any) -> str:
    return json.dumps(asdict(record), ensure_ascii=False, sort_keys=True)


def number_to_json(value: float) -> float | str:
    """NaN and the infinities as text: JSON has no such numbers."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def sha256_of(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while part := file.read(1 << 20):
        digest.update(part)
    return digest.hexdigest()
