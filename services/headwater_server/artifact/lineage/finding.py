"""Which nodes of the graph a name stands for. Reads only; raises NotFound where there is none."""

import uuid
from typing import Any, NamedTuple

import asyncpg

from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.artifact.limits import full_run_id
from headwater_server.artifact.lineage import nodes
from headwater_server.artifact.lineage.names import Free, Named, OfDigest, OfModel, OfRun, OfValue
from headwater_server.artifact.store import q
from headwater_server.kit.errors import NotFound
from headwater_server.kit.hints import did_you_mean, shown
from headwater_server.kit.identity import Peers
from headwater_server.kit.rpc import Call

SOON = "events tell of it a moment after it happens; is it in this project?"


class Asked(NamedTuple):
    """Where a question is put: a build of the graph, and the project that may be seen."""

    conn: asyncpg.Connection
    build: int
    project: str


def unknown(what: str, project: str, hint: str = SOON) -> NotFound:
    text = f"node: project {project!r} has no {what}"
    return NotFound(text, field="node", hint=hint or SOON, reason="NODE_NOT_FOUND")


async def full_run(peers: Peers, named: OfRun, project: str, call: Call) -> uuid.UUID:
    """The scheduler knows what the end of an id stands for, the number of a Metaflow run, "latest"."""
    found = full_run_id(named.run)
    if found is not None:
        return found
    asked = scheduler_pb2.GetRunRequest(run_id=named.run, project=project)
    answer = await peers.client("scheduler").GetRun(asked, on_behalf=call.identity, traceparent=call.traceparent)
    return uuid.UUID(answer.run.run_id)


async def find(asked: Asked, named: Named, run: uuid.UUID | None, most: int) -> list[uuid.UUID]:
    """At most `most` nodes; one more says that there are more. run: that of OfRun, in full."""
    match named:
        case OfDigest(digest):
            return await _bytes(asked, digest)
        case OfValue(run_id, name, digest):
            known = nodes.artifact(asked.project, run_id, name, digest)
            return await _there(asked, [known.id], f"artifact {name!r} of run {run_id} with that digest")
        case OfModel():
            return await _model(asked, named)
        case Free(kind, label):
            what = kind.replace("_", " ")
            if kind == "code":
                return await _there(asked, [nodes.code(asked.project, label).id], f"code {label}")
            found = {
                "dataset": nodes.dataset, "logged_model": nodes.logged_model, "event": nodes.event,
                "environment": nodes.environment,
            }[kind](asked.project, label)  # fmt: skip
            return await _there(asked, [found.id], f"{what} {label}")
        case OfRun():
            assert run is not None
            return await _in_run(asked, named, run, most)


async def _there(asked: Asked, ids: list[uuid.UUID], what: str, hint: str = "") -> list[uuid.UUID]:
    rows = await asked.conn.fetch(q.lineage_nodes_by_id, asked.build, ids)
    found = [row["id"] for row in rows if row["project"] == asked.project]
    if not found:
        raise unknown(what, asked.project, hint)
    return found


async def _bytes(asked: Asked, digest: str) -> list[uuid.UUID]:
    ids = [make(asked.project, digest).id for make in (nodes.blob, nodes.code, nodes.environment)]
    rows = await asked.conn.fetch(q.lineage_valued, asked.project, bytes.fromhex(digest))
    ids += [nodes.artifact(asked.project, row["run_id"], row["name"], digest).id for row in rows]
    return await _there(asked, ids, f"artifact, blob or code sha256:{digest}")


async def _model(asked: Asked, named: OfModel) -> list[uuid.UUID]:
    model = await asked.conn.fetchval(q.lineage_model_named, asked.build, asked.project, named.name)
    if model is None:
        names = [row["name"] for row in await asked.conn.fetch(q.lineage_models_named, asked.build, asked.project)]
        raise unknown(f"model {named.name!r}", asked.project, did_you_mean(named.name, names))
    if named.version:
        known = nodes.version(asked.project, model, named.version)
        return await _there(asked, [known.id], f"version {named.version} of model {named.name!r}")
    alias = nodes.alias(asked.project, model, named.alias)
    row = await asked.conn.fetchrow(q.lineage_nodes_by_id, asked.build, [alias.id])
    if row is None or not row["attrs"]:
        raise unknown(f"alias {named.alias!r} of model {named.name!r}", asked.project)
    return [alias.id]


async def _in_run(asked: Asked, named: OfRun, run: uuid.UUID, most: int) -> list[uuid.UUID]:
    owner = await asked.conn.fetchrow(q.lineage_owner, asked.build, run)
    if owner is not None and owner["project"] != asked.project:
        raise unknown(f"run {run}", asked.project)
    if owner is not None and named.flow and owner["name"] != named.flow:
        raise unknown(f"run {run} of {named.flow!r}", asked.project, f"it is of {owner['name']!r}")
    if not named.rest:
        return await _there(asked, [nodes.run(asked.project, run).id], f"run {run}")
    step, *more = named.rest
    if step in (nodes.PARAMETERS, nodes.METRICS) or not more:
        return await _labelled(asked, run, "/".join(named.rest), step, bool(more), most)
    if more[0].endswith("*"):
        known = nodes.gather(asked.project, run, step, more[0].removesuffix("*").removesuffix("."))
        return await _there(asked, [known.id], f"foreach step {step!r} in run {run}")
    found = await _labelled(asked, run, f"{step}/{more[0]}", step, True, most)
    if len(more) == 1:
        return found
    name = "/".join(more[1:])
    rows = await asked.conn.fetch(q.lineage_made_by, asked.build, found[0], name)
    rows = rows or await asked.conn.fetch(q.lineage_read_by, asked.build, found[0], name)
    if not rows:
        hint = f"`headwater artifacts {run}/{step}/{more[0]}` lists what it made; what it only passed on, others made"
        raise unknown(f"artifact {name!r} that task {step}/{more[0]} of run {run} made or read", asked.project, hint)
    return [row["id"] for row in rows]


async def _labelled(asked: Asked, run: uuid.UUID, label: str, step: str, exactly: bool, most: int) -> list[uuid.UUID]:
    """A node by its label, or all tasks of a step."""
    first, last = (label, "") if exactly or step == nodes.PARAMETERS else (f"{step}/", f"{step}0")
    rows: list[Any] = await asked.conn.fetch(q.lineage_nodes_labelled, asked.build, run, asked.project, first, last)
    if not rows:
        raise unknown(f"{shown(label)} in run {run}", asked.project)
    return [row["id"] for row in rows[: most + 1]]
