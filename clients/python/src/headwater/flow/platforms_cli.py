"""`argo-workflows`, `step-functions` and `airflow`: what deploy scripts written for Metaflow call, carried out by
Headwater's own deployments.

Each command says once what it maps to; options that mean nothing here are named, never silently dropped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headwater.errors import FlowError, NotFound
from headwater.flow import arguments

if TYPE_CHECKING:
    from headwater.flow.terminal import Terminal

_TOKENS = "the server knows who may deploy"
_NOTIFY = "@exit_hook(on_error=[…], on_success=[…]) runs your own functions, and webhooks follow every event"
# Options of `create` that nothing here carries out: option → (takes a value, why, or what does).
_NOTED: dict[str, tuple[bool, str]] = {
    "--authorize": (True, _TOKENS),
    "--generate-new-token": (False, _TOKENS),
    "--new-token": (True, _TOKENS),
    "--namespace": (True, "runs have the namespace production:<name of the deployment>"),
    "--auto-emit-argo-events": (False, "every end of a run is an event already"),
    "--notify-on-error": (False, _NOTIFY),
    "--notify-on-success": (False, _NOTIFY),
    "--notify-slack-webhook-url": (True, _NOTIFY),
    "--notify-pager-duty-integration-key": (True, _NOTIFY),
    "--notify-incident-io-api-key": (True, _NOTIFY),
    "--incident-io-alert-source-config-id": (True, _NOTIFY),
    "--incident-io-metadata": (True, _NOTIFY),
    "--enable-heartbeat-daemon": (False, "workers hold leases"),
    "--enable-error-msg-capture": (False, "the failure of a run is always kept"),
    "--workflow-title": (True, "the docstring of the flow is shown"),
    "--workflow-description": (True, "the docstring of the flow is shown"),
    "--aws-batch-tag": (True, "there is no AWS Batch; --tag tags the runs"),
    "--log-execution-history": (False, "the history is always kept"),
    "--use-distributed-map": (False, "a foreach may have any width"),
    "--compress-state-machine": (False, "there is no state machine"),
}
_TITLES = {"argo-workflows": "Argo Workflows", "step-functions": "AWS Step Functions"}
_ACTIONS = {
    "argo-workflows": (
        "create", "trigger", "list-runs", "status", "terminate", "suspend", "unsuspend", "delete",
        "list-workflow-templates",
    ),
    "step-functions": ("create", "trigger", "list-runs", "terminate", "delete"),
}  # fmt: skip
_FILTERS = {
    "running": "RUN_STATE_RUNNING", "succeeded": "RUN_STATE_SUCCEEDED", "failed": "RUN_STATE_FAILED",
    "timed-out": "RUN_STATE_CANCELLED", "aborted": "RUN_STATE_CANCELLED",
}  # fmt: skip


def platform_command(
    cls: type, platform: str, rest: list[str], terminal: Terminal, script: str, suffixes: list[str], pylint: bool
) -> int:
    """One command of a platform; the exit status. Raises FlowError."""
    if platform == "airflow":
        raise FlowError(
            "Headwater compiles no Airflow DAGs: flows run on its own scheduler",
            hint=f"`python {script} deploy` lets @schedule, @trigger and @trigger_on_finish start it; from an Airflow "
            f"DAG start a run with a BashOperator: python {script} run",
        )
    group = arguments.Parser(prog=f"{script} {platform}", description=f"Maps to Headwater's deployments: {_listed()}")
    group.add_argument("--name", default="", help="name of the deployment (default: that of the flow)")
    group.add_argument("action", choices=_ACTIONS[platform], metavar="|".join(_ACTIONS[platform]))
    group.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = group.parse_args(rest)
    parser = arguments.Parser(prog=f"{script} {platform} {given.action}")
    command = _COMMANDS[given.action](parser, cls)
    options = parser.parse_args(given.rest)
    return command(_Deployed(cls, given.name, _TITLES[platform], terminal, suffixes, pylint), options)


def _listed() -> str:
    return "create = deploy, trigger = a run of the deployment, terminate = run cancel, delete = undeploy."


class _Deployed:
    """What a command is about."""

    def __init__(self, cls: type, name: str, title: str, terminal: Terminal, suffixes: list[str], pylint: bool) -> None:
        from headwater.flow import start

        self.cls, self.title, self.terminal, self.suffixes, self.pylint = cls, title, terminal, suffixes, pylint
        self.name = name or start.deployment_name(cls)

    def flow(self) -> Any:
        from headwater.runner.deployed import DeployedFlow

        return DeployedFlow.from_deployment(self.name)

    def run(self, given: str) -> Any:
        """A run by its id; the prefix of the platform may stand before it."""
        from headwater.client import resources
        from headwater.runner.deployed import TriggeredRun

        run_id = given.removeprefix("argo-").removeprefix("sfn-").rpartition("/")[2]
        body = resources.get_run(run_id)
        if body.get("flow") != self.cls.__name__:
            raise NotFound(f"run {given} is one of flow {body.get('flow')}, not of {self.cls.__name__}")
        return TriggeredRun(self.flow() if body.get("deployment") else None, body)  # pyright: ignore[reportArgumentType]


Command = Callable[[_Deployed, argparse.Namespace], int]


def _create(parser: arguments.Parser, cls: type) -> Command:
    parser.add_argument("--tag", action="append", default=[], help="a tag of every run; may be repeated")
    parser.add_argument("--max-workers", type=arguments.whole, default=0, help="most tasks of a run at the same time")
    parser.add_argument("--workflow-timeout", type=arguments.whole, default=0, help="seconds until a run is cancelled")
    parser.add_argument("--workflow-priority", type=int, default=0, help="runs with a higher one go first")
    parser.add_argument("--only-json", action="store_true", help="print what would be deployed, as JSON")
    parser.add_argument("--deployer-attribute-file", default="", help=argparse.SUPPRESS)
    for option, (takes, _) in _NOTED.items():
        if takes:
            parser.add_argument(option, action="append", help=argparse.SUPPRESS)
        else:
            parser.add_argument(option, f"--no-{option[2:]}", nargs=0, action=_Given, help=argparse.SUPPRESS)
    arguments.parameter_options(parser, cls)
    return _deploy


class _Given(argparse.Action):
    """A switch and its --no- twin, which asks for nothing."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        setattr(namespace, self.dest, not (option_string or "").startswith("--no-"))


def _deploy(about: _Deployed, options: argparse.Namespace) -> int:
    from headwater.flow.deploy import Asked, deploy_command
    from headwater.flow.start import checked_graph

    if options.only_json:
        about.terminal.plain(json.dumps(checked_graph(about.cls), indent=2))
        return 0
    about.terminal.note(f"Deploying {about.cls.__name__} to Headwater instead of {about.title}, as `deploy` does.")
    for option, (_, why) in _NOTED.items():
        if getattr(options, option[2:].replace("-", "_")):
            about.terminal.warn(f"{option} has no effect: {why}.")
    asked = Asked(about.name, options.max_workers, options.workflow_priority, options.workflow_timeout, about.pylint)
    values = arguments.given_parameters(about.cls, options)
    told = options.deployer_attribute_file
    status = deploy_command(about.cls, values, options.tag, about.suffixes, about.terminal, told, asked)
    about.terminal.note(f"The namespace of this production flow is\n    production:{about.name}")
    return status


def _trigger(parser: arguments.Parser, cls: type) -> Command:
    parser.add_argument("--run-id-file", default="", metavar="FILE", help="write the id of the run there")
    parser.add_argument("--deployer-attribute-file", default="", help=argparse.SUPPRESS)
    arguments.parameter_options(parser, cls)

    def trigger(about: _Deployed, options: argparse.Namespace) -> int:
        from headwater.flow.parameters import parameters_of

        given = arguments.given_parameters(cls, options)
        known = {parameter.name: parameter for parameter in parameters_of(cls).values()}
        values = {name: known[name].to_wire(known[name].from_text(text)) for name, text in given.items()}
        run = about.flow().trigger(**values)
        for path, text in ((options.run_id_file, run.name), (options.deployer_attribute_file, _attributes(about, run))):
            if path:
                _write(path, text)
        about.terminal.plain(f"Workflow {about.name} triggered on Headwater (run-id {run.name}).")
        return 0

    return trigger


def _attributes(about: _Deployed, run: Any) -> str:
    from headwater.client.http import connect

    return json.dumps({"name": about.name, "metadata": f"service@{connect().server.url}", "pathspec": run.pathspec})


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError as error:
        raise FlowError(f"the run was started, but {path} cannot be written: {error.strerror}") from None


def _list_runs(parser: arguments.Parser, cls: type) -> Command:
    for name in _FILTERS:
        parser.add_argument(f"--{name}", action="store_true", help=f"runs that are {name.replace('-', ' ')}")

    def show(about: _Deployed, options: argparse.Namespace) -> int:
        from headwater.client.http import API, connect, segment

        connection = connect()
        query = {"deployment": about.name, "pageSize": 200}
        path = f"{API}/projects/{segment(connection.project)}/runs"
        states = {state for name, state in _FILTERS.items() if getattr(options, name.replace("-", "_"))}
        runs = [
            r for r in connection.call("GET", path, query=query).get("runs", ()) if r["state"] in states or not states
        ]
        for run in runs:
            ended = f" stoppedAt:'{run['finishedAt']}'" if "finishedAt" in run else ""
            state = run["state"].removeprefix("RUN_STATE_")
            about.terminal.plain(f"{run['runId']} startedAt:'{run['createdAt']}'{ended} {state}")
        if not runs:
            about.terminal.plain(f"No executions for {about.name} found on Headwater.")
        return 0

    return show


def _of_run(act: Callable[[Any], Any], done: str, over: str) -> Callable[[arguments.Parser, type], Command]:
    def prepare(parser: arguments.Parser, cls: type) -> Command:
        parser.add_argument("run_id", metavar="RUN_ID")
        parser.add_argument("--authorize", default=None, help=argparse.SUPPRESS)

        def carry_out(about: _Deployed, options: argparse.Namespace) -> int:
            found = act(about.run(options.run_id))
            about.terminal.plain(found if isinstance(found, str) else (done if found else over).format(options.run_id))
            return 0

        return carry_out

    return prepare


def _delete(parser: arguments.Parser, cls: type) -> Command:
    parser.add_argument("--authorize", default=None, help=argparse.SUPPRESS)

    def delete(about: _Deployed, options: argparse.Namespace) -> int:
        about.flow().delete()
        about.terminal.plain(f"Deleted workflow {about.name}; its runs stay.")
        return 0

    return delete


def _templates(parser: arguments.Parser, cls: type) -> Command:
    parser.add_argument("--all", action="store_true", help="of all flows of the project")

    def show(about: _Deployed, options: argparse.Namespace) -> int:
        from headwater.runner.deployed import DeployedFlow

        for each in DeployedFlow.list_deployed_flows(None if options.all else cls.__name__):
            about.terminal.plain(each.name)
        return 0

    return show


_OVER = "Run {} is over already."
_COMMANDS: dict[str, Callable[[arguments.Parser, type], Command]] = {
    "create": _create,
    "trigger": _trigger,
    "list-runs": _list_runs,
    "status": _of_run(lambda run: run.status, "", ""),
    "terminate": _of_run(lambda run: run.terminate(), "Terminated execution of {}", _OVER),
    "suspend": _of_run(lambda run: run.suspend(), "Suspended execution of {}", _OVER),
    "unsuspend": _of_run(lambda run: run.unsuspend(), "Unsuspended execution of {}", _OVER),
    "delete": _delete,
    "list-workflow-templates": _templates,
}
