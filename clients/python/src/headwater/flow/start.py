"""Starts runs: checks the flow, packs its code, asks the server, uploads the package when it is missing there.

The run itself belongs to the server from then on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from headwater.errors import FailedPrecondition, FlowError
from headwater.flow.choices import chosen
from headwater.flow.graph import FlowGraph, flow_graph
from headwater.flow.lint import LintError, lint, suggestion
from headwater.flow.options import flow_options, step_options
from headwater.flow.package import Package, build
from headwater.flow.parameters import parameters_of
from headwater.flow.spec import step_function, step_names

if TYPE_CHECKING:
    from headwater.client.http import Connection
    from headwater.flow.terminal import Terminal


class FlowRejected(FlowError):
    """The flow has structural errors: all of them, one after the other."""

    def __init__(self, flow: str, errors: list[LintError]) -> None:
        listed = "\n".join(str(error) for error in errors)
        count = "an error" if len(errors) == 1 else f"{len(errors)} errors"
        super().__init__(f"flow {flow} has {count}; nothing was started\n{listed}")
        self.errors = errors


def checked_graph(cls: type) -> dict[str, Any]:
    """The graph of a flow class as JSON. Raises FlowRejected."""
    graph = FlowGraph(cls)
    if errors := lint(cls, graph):
        raise FlowRejected(cls.__name__, errors)
    return flow_graph(cls, graph)


def examined_graph(cls: type, terminal: Terminal, *, pylint: bool) -> dict[str, Any]:
    """The same, and pylint's word on the file. Raises FlowRejected, PylintUnhappy."""
    graph = checked_graph(cls)
    if pylint:
        from headwater.flow.pylint_check import examine

        examine(flow_file(cls), terminal)
    return graph


def lock_environments(cls: type, graph: dict[str, Any]) -> None:
    """Resolves the packages of the steps and puts the locks into the graph. Raises FlowError with the reason."""
    named = (step_options(step_function(cls, step["name"])) for step in graph["steps"])
    asked = flow_options(cls).packages or any(options is not None and options.packages for options in named)
    if asked or "HEADWATER_ENVIRONMENT" in os.environ:
        from headwater.environments.steps import lock_steps

        lock_steps(cls, graph, flow_file(cls))


def say_project(cls: type, terminal: Terminal) -> None:
    """Names the branch, and what decorators ask for that nothing here acts on; once, before anything is sent."""
    if branch := _branch(cls):
        terminal.note(f"Project: {branch.project_name}, Branch: {branch.branch_name}")
    named = {name: step_options(step_function(cls, name)) for name in step_names(cls)}
    if any(options is not None and options.ignored for options in named.values()):
        from headwater.flow.compute import sentences

        for sentence in sentences({name: options for name, options in named.items() if options is not None}):
            terminal.note(sentence)


def tags_of(cls: type) -> list[str]:
    """Tags that the flow itself gives to its runs: those of its project."""
    branch = _branch(cls)
    return branch.tags if branch else []


def deployment_name(cls: type) -> str:
    """PROJECT.BRANCH.FLOW for a flow of a project, else its own name."""
    branch = _branch(cls)
    return branch.deployment_name if branch else cls.__name__


def _branch(cls: type) -> Any:
    if not flow_options(cls).project:
        return None
    from headwater.flow.parameters import user_name
    from headwater.flow.projects import branch_of

    return branch_of(cls, user_name())


def flow_file(cls: type) -> str:
    """The file to start a flow from: the script being run, where it knows the class, else the file of the class."""
    script = sys.modules.get("__main__")
    home = script if getattr(script, cls.__name__, None) is cls else sys.modules.get(cls.__module__)
    file = getattr(home, "__file__", None)
    if not file or not os.path.isfile(file):  # noqa: PTH113 (see package.py)
        raise FlowError(f"flow {cls.__name__} is not in a file", hint="save it as a .py file and run that")
    return file


def pack(
    cls: type,
    suffixes: list[str],
    terminal: Terminal,
    values: dict[str, Any],
    origin: dict[str, Any] | None = None,
    given: Collection[str] = (),
) -> Package:
    """Builds the code package for a run with these parameters and says what it leaves out; files to include are those
    of the origin, where there is one, but for the parameters that were given."""
    included: list[tuple[str, str]] = []
    if any(parameter.in_package for parameter in parameters_of(cls).values()):
        from headwater.flow.include import files_of

        included = list(files_of(cls, values, origin, given).values())
    package = build(flow_file(cls), suffixes, included, chosen.dump())
    if package.left_out:
        shown = "; ".join(package.left_out[:3])
        more = f" and {len(package.left_out) - 3} more" if len(package.left_out) > 3 else ""
        terminal.note(f"Not in the code package: {shown}{more}. --package-suffixes adds files by their ending.")
    return package


def code_of(cls: type, package: Package, graph: dict[str, Any]) -> dict[str, Any]:
    """scheduler.v1.Code in JSON; puts the digests of the steps' code into the graph."""
    from headwater.flow.step_code import digests

    codes = digests(cls, flow_file(cls), package.rest)
    for step in graph["steps"]:
        step["code"] = codes[step["name"]]
    return {
        "package": package.digest,
        "entrypoint": os.path.basename(flow_file(cls)),  # noqa: PTH119 (see package.py)
        "flowClass": cls.__name__,
        "python": sys.executable,
    }


def submit(connection: Connection, path: str, body: dict[str, Any], package: Package) -> dict[str, Any]:
    """POSTs a request that carries code; uploads the package first when the server does not have it."""
    if any("environment" in step for step in body.get("graph", {}).get("steps", ())):
        from headwater.environments.steps import upload

        upload(connection, body["graph"])
    reply = connection.call("POST", path, body, timeout=60, repeatable=True)
    if reply.get("packageMissing"):
        from headwater.artifacts import blobs

        blobs.put(package.data)
        reply = connection.call("POST", path, body, timeout=60, repeatable=True)
    if reply.get("packageMissing"):
        raise FailedPrecondition(
            "the server lost the code package that was just uploaded", hint="run the command again"
        )
    return reply


def request_id() -> str:
    """A random id that makes a request safe to repeat."""
    return os.urandom(16).hex()


def origin_run(connection: Connection, flow: str, given: str) -> dict[str, Any]:
    """The run to resume: the given one, or the last of this flow. Raises FlowError or NotFound."""
    from headwater.client.http import API

    if given:
        path = f"{API}/runs/{given.rsplit('/', 1)[-1]}"
        run = connection.call("GET", path, query={"project": connection.project})["run"]
    else:
        runs = connection.call("GET", f"{API}/projects/{connection.project}/runs", query={"flow": flow, "pageSize": 1})
        run = next(iter(runs.get("runs", [])), None)
    if run is None:
        raise FlowError(
            f"flow {flow} has no run to resume in project {connection.project}", hint="start one with `run`"
        )
    if run.get("flow") != flow:
        raise FlowError(
            f"run {run['runId']} is one of flow {run.get('flow')}, not of {flow}", hint="give another --origin-run-id"
        )
    if run.get("state") == "RUN_STATE_RUNNING":
        raise FlowError(
            f"run {run['runId']} is still running", hint=f"wait, or cancel it: headwater run cancel {run['runId']}"
        )
    return run


def resumed_parameters(cls: type, run: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """The given parameters, else those of the origin, else defaults for those that the flow has gained since."""
    values = dict(run.get("parameters", {}))
    for parameter in parameters_of(cls).values():
        if parameter.name in given:
            value = parameter.from_text(given[parameter.name], f"--{parameter.name}")
            values[parameter.name] = parameter.to_wire(value)
        elif parameter.name not in values:
            values[parameter.name] = parameter.to_wire(parameter.resolve_default(cls.__name__))
    return values


def check_step(graph: dict[str, Any], name: str) -> None:
    """Raises FlowError when the graph has no such step."""
    names = [step["name"] for step in graph["steps"]]
    if name not in names:
        raise FlowError(
            f"flow {graph['flow']} has no step {name!r}{suggestion(name, names)}", hint=f"one of {', '.join(names)}"
        )
