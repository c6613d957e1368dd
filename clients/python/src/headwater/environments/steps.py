"""Which environment each step of a flow gets: decorators of the step over those of the flow, or one for all by
`--environment`. Resolves, and puts the locks into the graph; upload() stores them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from headwater.errors import FlowError
from headwater.flow.options import flow_options, step_options
from headwater.flow.spec import step_function

if TYPE_CHECKING:
    from headwater.client.http import Connection
    from headwater.environments.lock import Lock
    from headwater.flow.packages import PackageSet

VARIABLE = "HEADWATER_ENVIRONMENT"
KINDS = ("local", "pypi", "conda", "uv")
# Locks that this process made, to be uploaded with the run that uses them.
_made: dict[str, bytes] = {}


def choose(kind: str) -> None:
    """What `--environment` says, for this process. Raises FlowError."""
    kind = "local" if kind == "default" else kind
    if kind not in KINDS:
        raise FlowError(f"--environment {kind}: there is no such environment", hint=f"one of {', '.join(KINDS)}")
    os.environ[VARIABLE] = kind


def wanted(cls: type, name: str) -> PackageSet | None:
    """What the decorators of a step and of its flow ask for; None: nothing, or it is turned off."""
    options = step_options(step_function(cls, name))
    own = list(options.packages) if options is not None else []
    found: PackageSet | None = None
    for each in (*reversed(flow_options(cls).packages), *reversed(own)):
        found = each if found is None else each.over(found)
    return None if found is None or found.disabled else found


def lock_steps(cls: type, graph: dict[str, Any], flow_file: str) -> None:
    """Puts `environment` into the steps of a graph (scheduler.v1.Graph in JSON) that need one. Raises FlowError."""
    kind = os.environ.get(VARIABLE, "")
    if kind == "local":
        return
    asked = {step["name"]: found for step in graph["steps"] if (found := wanted(cls, step["name"]))}
    locks = _resolve(asked)
    if kind == "uv":
        from headwater.environments.lock import of_project

        whole = of_project(flow_file)
        locks = {step["name"]: (whole, "uv") for step in graph["steps"]} | locks
    for step in graph["steps"]:
        if step["name"] in locks:
            lock, how = locks[step["name"]]
            _made[lock.digest] = lock.data
            step["environment"] = {"lock": lock.digest, "kind": how, "python": lock.python}


def upload(connection: Connection, graph: dict[str, Any]) -> None:
    """Stores the locks of a graph."""
    from headwater.artifacts import blobs

    digests = {step["environment"]["lock"] for step in graph.get("steps", ()) if "environment" in step}
    for digest in sorted(digests & set(_made)):
        blobs.put(_made[digest], connection)


def _resolve(asked: dict[str, PackageSet]) -> dict[str, tuple[Lock, str]]:
    """Each set of packages once."""
    if not asked:
        return {}
    from headwater.environments import lock, uv

    known: dict[str, Lock] = {}
    found: dict[str, tuple[Lock, str]] = {}
    for step, packages in asked.items():
        key = repr((packages.kind, sorted(packages.packages.items()), packages.python))
        try:
            known[key] = known.get(key) or lock.resolve(packages)
        except uv.CannotResolve as error:
            hint = (
                "packages of @conda come from the package index, by the same names" if packages.kind == "conda" else ""
            )
            raise FlowError(
                f"@{packages.kind} of step {step}: its packages cannot be resolved: {error.reason}", hint=hint
            ) from None
        found[step] = (known[key], packages.kind)
    return found
