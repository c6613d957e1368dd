"""Which events lineage is built from, and what of each is kept. Pure.

An event of another service becomes a Fact: its body without what does not matter here. told() makes a graph of facts.
"""

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from headwater_server.artifact.lineage import models, tasks
from headwater_server.artifact.lineage.reading import Body, Fact, Reader, Told, moment, project_of, run_of
from headwater_server.kit.envelope import Envelope

SUCCEEDED = "task.succeeded"
# Not of the bus: written where a project is emptied.
EMPTIED = "project.emptied"

_READERS: dict[str, Reader] = {
    SUCCEEDED: tasks.succeeded,
    "run.started": models.run_started,
    "run.deleted": models.run_deleted,
    "tracked_run.finished": models.tracked_run_finished,
    "tracked_run.deleted": models.run_deleted,
    "dataset.version_created": models.dataset_created,
    "dataset.version_deleted": models.dataset_version_deleted,
    "model.version_created": models.version_created,
    "model.promoted": models.promoted,
    "model.alias_removed": models.alias_removed,
    "model.renamed": models.renamed,
    "model.deleted": models.model_deleted,
    "model.version_deleted": models.version_deleted,
    "model.logged": models.logged,
}
_OF_RUNS = {SUCCEEDED, "run.started", "run.deleted", "tracked_run.finished", "tracked_run.deleted"}
_OF_MODELS = {kind for kind in _READERS if kind.startswith("model.")} - {"model.logged"}
_DROPPED: dict[str, tuple[str, ...]] = {"run.started": ("tags",)}


def matters(kind: str) -> bool:
    return kind in _READERS


def fact_of(event: Envelope, manifest: Body | None = None) -> Fact:
    """manifest: of a task that succeeded. Raises InvalidArgument, naming the field."""
    project = project_of(event.data, event.project)
    body: dict[str, Any] = {
        key: value for key, value in event.data.items() if key not in ("manifestJson", *_DROPPED.get(event.type, ()))
    }
    if manifest:
        body["manifest"] = tasks.trimmed(manifest)
    at = moment(body, event.time)
    return Fact(event.id, event.type, project, at, body, _owner(event.type, body, project))


def _owner(kind: str, body: Body, project: str) -> uuid.UUID | None:
    if kind in _OF_RUNS:
        return run_of(body)
    return models.owner_of(body, project) if kind in _OF_MODELS else None


def read(told: Told, fact: Fact) -> None:
    _READERS[fact.type](told, fact)


def told(facts: Iterable[Fact], emptied: Callable[[str], datetime | None] = lambda project: None) -> Told:
    """emptied: when a project was emptied last; what is older of it counts for nothing."""
    found = Told()
    for fact in facts:
        since = emptied(fact.project)
        if since is None or fact.at > since:
            read(found, fact)
    return found
