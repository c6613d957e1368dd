"""`deploy`: hands the flow, its code and its triggers to the scheduler, which starts it from then on.

Also what `headwater deploy flow.py` calls, with a class it loaded from a file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from headwater.flow import start
from headwater.flow.finish import complete
from headwater.flow.options import flow_options
from headwater.flow.parameters import parameters_of, resolve
from headwater.flow.trace import command_span

if TYPE_CHECKING:
    from headwater.flow.terminal import Terminal


class Asked(NamedTuple):
    """How a flow is deployed: name ("": that of the flow), and of each run the most tasks at the same time, the
    priority, and the seconds after which it is cancelled; 0: none. pylint: checked by it before."""

    name: str = ""
    max_workers: int = 0
    priority: int = 0
    timeout: int = 0
    pylint: bool = False


def deploy_flow(
    cls: type,
    parameters: dict[str, str],
    tags: list[str],
    suffixes: list[str],
    terminal: Terminal,
    asked: Asked = Asked(),
) -> dict[str, Any]:
    """Deploys a flow class; parameters are text by name. Returns the Deployment (JSON).

    Raises FlowRejected, ParameterError, or the server's error; then nothing was deployed.
    """
    from headwater.client.http import API, connect
    from headwater.flow.triggers import resolved

    complete(cls, [])
    start.say_project(cls, terminal)
    graph = start.examined_graph(cls, terminal, pylint=asked.pylint)
    triggers = resolved(cls) if flow_options(cls).triggers else []
    values = resolve(cls, parameters, os.environ, filled=check_triggers(cls, triggers))
    start.lock_environments(cls, graph)
    package = start.pack(cls, suffixes, terminal, values)
    body = {
        "graph": graph,
        "code": start.code_of(cls, package, graph),
        "parameters": values,
        "triggers": [_in_branch(each, start.tags_of(cls)) for each in triggers],
        "name": asked.name or start.deployment_name(cls),
        "tags": list(dict.fromkeys([*tags, *start.tags_of(cls)])),
    }
    body |= {key: value for key, value in (("maxWorkers", asked.max_workers), ("priority", asked.priority)) if value}
    if asked.timeout:
        body["timeout"] = f"{asked.timeout}s"
    with command_span(f"deploy {cls.__name__}", {"headwater.flow": cls.__name__}):
        connection = connect(start=True)
        path = f"{API}/projects/{connection.project}/deployments"
        return start.submit(connection, path, body, package)["deployment"]


def _in_branch(trigger: dict[str, Any], tags: list[str]) -> dict[str, Any]:
    """A flow of a project waits for runs of its own project and branch, where it does not name others."""
    if several := trigger.get("all"):
        return {"all": {**several, "of": [_in_branch(each, tags) for each in several["of"]]}}
    finish = trigger.get("finish")
    if finish is None or not tags:
        return trigger
    named = {tag.partition(":")[0]: tag for tag in [*tags, *finish.get("tags", ())]}
    return {"finish": {**finish, "tags": list(named.values())}}


def check_triggers(cls: type, triggers: list[dict[str, Any]]) -> set[str]:
    """The parameters that triggers fill. Raises FlowError for one that the flow does not have."""
    from headwater.errors import FlowError
    from headwater.flow.lint import suggestion

    names = [parameter.name for parameter in parameters_of(cls).values()]
    filled: set[str] = set()
    for trigger in [part for each in triggers for part in each.get("all", {"of": [each]})["of"]]:
        for name in trigger.get("event", {}).get("parameters", {}):
            if name not in names:
                raise FlowError(
                    f"@trigger fills parameter {name!r}, which {cls.__name__} does not have{suggestion(name, names)}",
                    hint=f"declare it: {name} = Parameter({name!r})",
                )
            filled.add(name)
    return filled


def deploy_command(
    cls: type,
    parameters: dict[str, str],
    tags: list[str],
    suffixes: list[str],
    terminal: Terminal,
    told: str = "",
    asked: Asked = Asked(),
) -> int:
    """Deploys and says what will start the flow; told: a file that gets the deployment as JSON."""
    from headwater.flow.show import describe_triggers

    deployment = deploy_flow(cls, parameters, tags, suffixes, terminal, asked)
    if told:
        _write(told, deployment)
    version, project = deployment.get("version", 1), deployment.get("project", "default")
    terminal.plain(f"Deployed {deployment.get('name', cls.__name__)} version {version} to project {project}.")
    lines = describe_triggers(cls)
    if lines:
        terminal.plain("It is started by:\n" + "\n".join(f"    {line}" for line in lines))
    else:
        terminal.plain("Nothing starts it by itself: the flow has no @trigger, @trigger_on_finish or @schedule.")
    return 0


def _write(path: str, deployment: dict[str, Any]) -> None:
    import json

    from headwater.errors import FlowError

    try:
        with open(path, "w") as file:
            json.dump(deployment, file)
    except OSError as error:
        raise FlowError(f"the flow is deployed, but {path} cannot be written: {error.strerror}") from None
