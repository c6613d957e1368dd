"""Model, ModelVersion, Promotion: what the registry knows, as plain values. Pure."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headwater.client.numbers import plain_number
from headwater.client.resources import timestamp
from headwater.errors import InvalidArgument


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model.

    digest, size: sha256 and bytes of the stored model; type: its Python class; metrics: name → number, as registered.
    signature: {"inputs": [{"name", "type", "shape"}], "outputs": […]}; aliases: those that point here now.
    lineage: {"flow", "runId", "step", "taskId", "attempt", "codePackage"} of the task that made it.
    source: where MLflow has put its files; then there is no digest. stage: "None", "Staging", "Production", "Archived".
    uid: number of its model, which stays when that is renamed.
    """

    name: str
    version: int
    digest: str
    size: int = 0
    encoding: str = ""
    type: str = ""
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    signature: dict[str, Any] = field(default_factory=dict)
    lineage: dict[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    created_at: datetime | None = None
    created_by: str = ""
    source: str = ""
    stage: str = "None"
    uid: int = 0

    @property
    def run_id(self) -> str:
        """The run that made it; "" when it was registered outside of a flow."""
        return self.lineage.get("runId", "")

    def load(self) -> Any:
        """The model itself."""
        from headwater.models.read import load_version

        return load_version(self)

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


@dataclass(frozen=True)
class Model:
    """A model: aliases maps each alias to the version it points at."""

    name: str
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    latest_version: int = 0
    aliases: dict[str, int] = field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Promotion:
    """One move of an alias, with the evidence. version 0: the alias was removed; previous_version 0: it was not set."""

    name: str
    alias: str
    version: int
    previous_version: int
    reason: str
    metrics: dict[str, float]
    actor: str
    run_id: str
    at: datetime | None
    event_id: str


def parse_version(body: dict[str, Any]) -> ModelVersion:
    return ModelVersion(
        name=body.get("name", ""),
        version=int(body.get("version", 0)),
        digest=body.get("digest", ""),
        size=int(body.get("size", 0)),
        encoding=body.get("encoding", ""),
        type=body.get("type", ""),
        description=body.get("description", ""),
        tags=body.get("tags", {}),
        metrics=numbers(body.get("metrics", {})),
        signature=plain_number(body.get("signature", {})),
        lineage=body.get("lineage", {}),
        aliases=tuple(body.get("aliases", ())),
        created_at=timestamp(body.get("createdAt")),
        created_by=actor_name(body.get("createdBy", {})),
        source=body.get("source", ""),
        stage=body.get("stage", "None"),
        uid=int(body.get("modelUid", 0)),
    )


def parse_model(body: dict[str, Any]) -> Model:
    return Model(
        name=body.get("name", ""),
        description=body.get("description", ""),
        tags=body.get("tags", {}),
        latest_version=int(body.get("latestVersion", 0)),
        aliases={alias: int(version) for alias, version in body.get("aliases", {}).items()},
        created_at=timestamp(body.get("createdAt")),
        updated_at=timestamp(body.get("updatedAt")),
    )


def parse_promotion(body: dict[str, Any]) -> Promotion:
    return Promotion(
        name=body.get("name", ""),
        alias=body.get("alias", ""),
        version=int(body.get("version", 0)),
        previous_version=int(body.get("previousVersion", 0)),
        reason=body.get("reason", ""),
        metrics=numbers(body.get("metrics", {})),
        actor=actor_name(body.get("actor", {})),
        run_id=body.get("actor", {}).get("runId", ""),
        at=timestamp(body.get("at")),
        event_id=body.get("eventId", ""),
    )


def numbers(values: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


def actor_name(actor: dict[str, Any]) -> str:
    """ "user ann", "task TrainFlow/…": who did it, for people."""
    return f"{actor.get('kind', '')} {actor.get('name', '')}".strip()


_REFERENCE = re.compile(r"(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+|latest))?\Z")


def parse_reference(reference: str) -> tuple[str, str]:
    """(name, version) of "digits@champion", "digits/3", "digits/latest" or "digits" (its latest); models:/ may precede.

    The version is as the API takes it: a number, "latest" or "@alias". Raises InvalidArgument.
    """
    match = _REFERENCE.match(str(reference).removeprefix("models:/"))
    if match is None:
        raise InvalidArgument(
            f"{reference!r} names no model version", field="model", hint='write "name@alias", "name/3" or "name/latest"'
        )
    if match["alias"]:
        return match["name"], f"@{match['alias']}"
    return match["name"], match["version"] or "latest"
