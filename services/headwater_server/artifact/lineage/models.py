"""What runs, tracked runs, the registry and datasets say about lineage. Pure."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from headwater_server.artifact.limits import full_run_id
from headwater_server.artifact.lineage import nodes
from headwater_server.artifact.lineage.nodes import ALWAYS, KINDS, Name, Node
from headwater_server.artifact.lineage.reading import (
    Body,
    Fact,
    Told,
    digest_of,
    items,
    mapping,
    number,
    optional_run,
    run_of,
    text,
)  # fmt: skip

MOST = 1000


def run_started(told: Told, fact: Fact) -> None:
    project, body, run = fact.project, fact.body, run_of(fact.body)
    node = told.node(nodes.run(project, run).told(ALWAYS))
    told.name(Name(run, project, KINDS["run"], text(body, "flow"), ALWAYS))
    if package := digest_of(body.get("codePackage")):
        told.edge(nodes.code(project, package), "ran", node)
    for lock in items(body, "locks")[:MOST]:
        if digest_of(lock):
            told.edge(nodes.environment(project, lock), "ran", node)
    together = _parameters(told, fact, run, mapping(body, "parameters"))
    if together is not None:
        told.edge(together, "given", node)
    if (origin := optional_run(body, "originRunId")) is not None:
        told.edge(nodes.run(project, origin), "took_over", node)
    trigger = mapping(body, "trigger")
    for each in items(trigger, "events") or ([trigger] if trigger else []):
        if isinstance(each, Mapping) and (source := _source(told, project, each)) is not None:
            told.edge(source, "triggered", node)


def _parameters(told: Told, fact: Fact, run: uuid.UUID, values: Body) -> Node | None:
    """All of a run in one node, each with its value. None: it has none."""
    if not values:
        return None
    together = told.node(nodes.parameters(fact.project, run).told(ALWAYS))
    for name, value in list(values.items())[:MOST]:
        known = nodes.parameter(fact.project, run, name[: nodes.MOST_TEXT])
        told.edge(known.told(fact.at, {"value": _plain(value)}), "holds", together)
    return together


def _plain(value: Any) -> Any:
    """Long values by their beginning."""
    if isinstance(value, str):
        return nodes.cut(value)
    text = json.dumps(value, sort_keys=True)
    return value if len(text) <= nodes.MOST_TEXT else nodes.cut(text)


def _source(told: Told, project: str, trigger: Body) -> Node | None:
    """What an event that started a run was about; the event itself where that is nothing that we know."""
    name, ident = text(trigger, "eventName"), text(trigger, "eventId")
    payload = _payload(trigger.get("payloadJson"))
    subject = str(trigger.get("eventSubject", ""))
    if subject.startswith("hw.evt.") and isinstance(payload, dict):
        if name.startswith("model.") and payload.get("version"):
            model = nodes.model_id(project, number(payload, "modelUid"), text(payload, "name"))
            return nodes.version(project, model, number(payload, "version"))
        if name == "dataset.version_created":
            return nodes.dataset(project, _dataset_label(payload))
        if name.startswith(("run.", "tracked_run.")) and (run := full_run_id(str(payload.get("runId", "")))):
            return nodes.run(project, run)
    if not ident:
        return None
    return nodes.event(project, ident).told(ALWAYS, {"name": name})


def _payload(found: object) -> Any:
    try:
        return json.loads(found) if isinstance(found, str) and found else None
    except ValueError:
        return None


def run_deleted(told: Told, fact: Fact) -> None:
    run = run_of(fact.body)
    told.gone.add(run)
    told.forgotten.add(run)


def tracked_run_finished(told: Told, fact: Fact) -> None:
    project, body, run = fact.project, fact.body, run_of(fact.body)
    told.name(Name(run, project, KINDS["run"], text(body, "experiment"), ALWAYS))
    about = {"state": text(body, "state").removeprefix("TRACKED_RUN_STATE_").lower()}
    node = told.node(nodes.run(project, run).told(fact.at, about))
    for key, value in list(mapping(body, "metrics").items())[:MOST]:
        told.edge(node, "logged", nodes.metric(project, run, key).told(fact.at, {"value": value}))
    together = _parameters(told, fact, run, mapping(body, "params"))
    if together is not None:
        told.edge(together, "read", node)
    for used in items(body, "datasets")[:MOST]:
        if isinstance(used, Mapping):
            told.edge(_dataset(project, used), "used", node)
    for ident in items(body, "inputModels")[:MOST]:
        told.edge(nodes.logged_model(project, str(ident)[: nodes.MOST_TEXT]), "used", node)
    for ident in items(body, "outputModels")[:MOST]:
        told.edge(node, "made", nodes.logged_model(project, str(ident)[: nodes.MOST_TEXT]))
    if (source := text(body, "sourceVersion") or text(body, "sourceName")) != "":
        about = {"name": text(body, "sourceName")}
        told.edge(nodes.code(project, source).told(ALWAYS, about), "ran", node)
    if (parent := optional_run(body, "parentRunId")) is not None:
        told.edge(nodes.run(project, parent), "ran", node)


def _dataset(project: str, used: Body) -> Node:
    label = f"{text(used, 'name')}@{text(used, 'digest')}"
    about = {"sourceType": text(used, "sourceType"), "source": nodes.cut(str(used.get("source", "")))}
    return nodes.dataset(project, label).told(ALWAYS, about)


# The registry


def _model(told: Told, fact: Fact) -> uuid.UUID:
    name = text(fact.body, "name")
    model = nodes.model_id(fact.project, number(fact.body, "modelUid"), name)
    told.name(Name(model, fact.project, KINDS["model"], name, fact.at))
    return model


def version_created(told: Told, fact: Fact) -> None:
    project, body = fact.project, fact.body
    digest, run = digest_of(body.get("digest")), optional_run(body, "runId")
    about = {"digest": digest, "metrics": mapping(body, "metrics"), "source": text(body, "modelSource")}
    found = nodes.version(project, _model(told, fact), number(body, "version"))
    made = told.node(found.told(fact.at, {key: value for key, value in about.items() if value}))
    if digest:
        told.edge(nodes.blob(project, digest), "registered", made)
    if ident := text(body, "modelId"):
        told.edge(nodes.logged_model(project, ident), "registered", made)
    if run is None:
        return
    step, task_id, artifact = text(body, "step"), text(body, "taskId"), text(body, "artifact")
    if artifact and digest:
        told.edge(nodes.artifact(project, run, artifact, digest), "registered", made)
    if step and task_id:
        told.edge(nodes.task(project, run, step, *_located(task_id), task_id), "registered", made)
    else:
        told.edge(nodes.run(project, run), "registered", made)


def _located(task_id: str) -> tuple[str, int]:
    try:
        return nodes.located(task_id)
    except ValueError:
        return task_id, 0


def promoted(told: Told, fact: Fact) -> None:
    """Only the newest move of an alias counts: its edge follows from what the node says."""
    model, version = _model(told, fact), number(fact.body, "version")
    about = {"version": version, "target": str(nodes.version(fact.project, model, version).id)}
    told.node(nodes.alias(fact.project, model, text(fact.body, "alias")).told(fact.at, about))


def alias_removed(told: Told, fact: Fact) -> None:
    told.node(nodes.alias(fact.project, _model(told, fact), text(fact.body, "alias")).told(fact.at))


def renamed(told: Told, fact: Fact) -> None:
    _model(told, fact)


def model_deleted(told: Told, fact: Fact) -> None:
    model = nodes.model_id(fact.project, number(fact.body, "modelUid"), text(fact.body, "name"))
    told.gone.add(model)
    told.forgotten.add(model)


def version_deleted(told: Told, fact: Fact) -> None:
    model = nodes.model_id(fact.project, number(fact.body, "modelUid"), text(fact.body, "name"))
    told.gone.add(nodes.version(fact.project, model, number(fact.body, "version")).id)


def logged(told: Told, fact: Fact) -> None:
    body = fact.body
    about = {"name": text(body, "name"), "type": text(body, "modelType")}
    made = told.node(nodes.logged_model(fact.project, text(body, "modelId")).told(fact.at, about))
    if (run := optional_run(body, "runId")) is not None:
        told.edge(nodes.run(fact.project, run), "made", made)


def owner_of(body: Body, project: str) -> uuid.UUID:
    return nodes.model_id(project, number(body, "modelUid"), text(body, "name"))


# Datasets


def dataset_created(told: Told, fact: Fact) -> None:
    project, body = fact.project, fact.body
    about = {"digest": text(body, "digest"), "size": number(body, "size"), "files": number(body, "files")}
    made = told.node(nodes.dataset(project, _dataset_label(body)).told(fact.at, about))
    for source in items(body, "sources")[:MOST]:
        if isinstance(source, str) and "\0" not in source:
            told.edge(nodes.data(project, source), "made", made)
    run, step, task_id = optional_run(body, "runId"), text(body, "step"), text(body, "taskId")
    if run is not None:
        task = nodes.task(project, run, step, *_located(task_id), task_id) if step and task_id else None
        told.edge(task or nodes.run(project, run), "made", made)


def dataset_version_deleted(told: Told, fact: Fact) -> None:
    """What was made from it was so all the same: its node stays."""
    told.node(nodes.dataset(fact.project, _dataset_label(fact.body)).told(fact.at, {"deleted": True}))


def _dataset_label(body: Body) -> str:
    return f"{text(body, 'name')}/{number(body, 'version')}"
