"""`run` and `resume`: start a run, follow it, cancel it on Ctrl-C.

The order is the promise: all checks are done before anything is sent, and a run that was started is either followed to
its end or cancelled.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from headwater.errors import FlowError, ServerError
from headwater.flow import arguments, start
from headwater.flow.debugging import from_start
from headwater.flow.interrupts import Interrupted, Interrupts
from headwater.flow.options import flow_options
from headwater.flow.parameters import parameters_of, resolve
from headwater.flow.trace import command_span

if TYPE_CHECKING:
    import argparse

    from headwater.flow.follow import Follower
    from headwater.flow.package import Package
    from headwater.flow.terminal import Terminal


def run_command(cls: type, options: argparse.Namespace, suffixes: list[str], terminal: Terminal) -> int:
    """Runs the flow; the exit status."""
    _announce(cls, terminal)
    graph = start.examined_graph(cls, terminal, pylint=options.pylint)
    body = _request(cls, graph, options)
    body["cached"] = getattr(options, arguments.CACHED)
    body["parameters"] = resolve(cls, arguments.given_parameters(cls, options), os.environ)
    start.lock_environments(cls, graph)
    package = start.pack(cls, suffixes, terminal, body["parameters"])
    with command_span(f"run {cls.__name__}", {"headwater.flow": cls.__name__}):
        return _launch(cls, body, package, options, terminal, "Workflow starting")


def resume_command(cls: type, options: argparse.Namespace, suffixes: list[str], terminal: Terminal) -> int:
    """Resumes a run of the flow; the exit status."""
    from headwater.client.http import connect

    _announce(cls, terminal)
    if options.run_id:
        raise FlowError(f"--run-id {options.run_id}: the server gives the id", hint="leave it out; --tag marks a run")
    graph = start.examined_graph(cls, terminal, pylint=options.pylint)
    if options.step:
        start.check_step(graph, options.step)
    with command_span(f"resume {cls.__name__}", {"headwater.flow": cls.__name__}):
        origin = start.origin_run(connect(start=True), cls.__name__, options.origin_run_id)
        body = _request(cls, graph, options)
        body["originRunId"] = origin["runId"]
        body["paused"] = options.clone_only
        options.detach = options.detach or options.clone_only
        body["resumeStep"] = options.step
        given = arguments.given_parameters(cls, options)
        body["parameters"] = start.resumed_parameters(cls, origin, given)
        # A file is its path, which does not tell whether its content is another one.
        body["changedParameters"] = [p.name for p in parameters_of(cls).values() if p.in_package and p.name in given]
        start.lock_environments(cls, graph)
        package = start.pack(cls, suffixes, terminal, body["parameters"], origin, given)
        return _launch(cls, body, package, options, terminal, f"Resuming run {origin['runId']}{_with(given)}")


def _with(given: dict[str, str]) -> str:
    return f" with {', '.join(f'{name}={text}' for name, text in given.items())}" if given else ""


def _announce(cls: type, terminal: Terminal) -> None:
    from headwater import __version__

    terminal.note(f"Headwater {__version__} executing {cls.__name__}")
    start.say_project(cls, terminal)


def _request(cls: type, graph: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    if options.max_log_size is not None:
        for step in graph["steps"]:
            step["maxLogMb"] = min(options.max_log_size, 1 << 20)
    return {
        "flow": cls.__name__,
        "requestId": start.request_id(),
        "graph": graph,
        "tags": list(dict.fromkeys([*options.tag, *start.tags_of(cls)])),
        "maxWorkers": options.max_workers,
        "priority": getattr(options, arguments.PRIORITY),
        **({"timeout": f"{seconds:g}s"} if (seconds := getattr(options, arguments.TIMEOUT)) else {}),
    }


def _launch(
    cls: type, body: dict[str, Any], package: Package, options: argparse.Namespace, terminal: Terminal, how: str
) -> int:
    from headwater.client.http import API, connect
    from headwater.flow.follow import Follower, short

    body["code"] = start.code_of(cls, package, body["graph"])
    if body.get("cached"):
        from headwater.environments.fingerprint import fingerprint

        body["code"]["environment"] = fingerprint(package.root)
    with Interrupts() as interrupts:
        follower: Follower | None = None
        try:
            connection = connect(start=True)
            interrupts.held = True
            from_start("Runtime: flow checked and packaged")
            run = start.submit(connection, f"{API}/projects/{connection.project}/runs", body, package)["run"]
            from_start("Runtime: run started")
            follower = Follower(run, terminal, package.digest)
            interrupts.release()
            _write_files(options, run)
            if options.detach:
                terminal.plain(run["runId"])
                return 0
            terminal.line(f"{how} (run-id {run['runId']}, short {short(run['runId'])})", time=run.get("createdAt", ""))
            status = _follow(follower, options.max_num_splits)
            from_start("Runtime: run ended")
        except Interrupted as stop:
            status = _cancelled(follower, stop, terminal)
    if follower is not None and (flow_options(cls).on_success or flow_options(cls).on_error):
        _follow_hooks(cls, follower.run, terminal)
    return status


def _follow_hooks(cls: type, run: dict[str, Any], terminal: Terminal) -> None:
    """What becomes of the hooks changes nothing about the run, and not the exit status."""
    from headwater.flow.exit_hooks import follow_hooks
    from headwater.flow.follow import FINAL

    if run.get("state") in FINAL:
        try:
            follow_hooks(cls, run, terminal)
        except (ServerError, KeyboardInterrupt) as error:
            terminal.warn(f"The exit hooks go on without this command. {error}")


def _write_files(options: argparse.Namespace, run: dict[str, Any]) -> None:
    """--run-id-file and --runner-attribute-file."""
    import json

    from headwater.client.http import connect

    run_id = run["runId"]
    told = {"flow_name": run.get("flow", ""), "run_id": run_id, "metadata": f"service@{connect().server.url}"}
    for option, text in (("run-id-file", run_id), ("runner-attribute-file", json.dumps(told))):
        path = getattr(options, option.replace("-", "_"))
        if path:
            try:
                with open(path, "w") as file:
                    file.write(text)
            except OSError as error:
                raise FlowError(f"cannot write --{option} {path}: {error.strerror}; the run {run_id} goes on") from None


def _follow(follower: Follower, most_splits: int) -> int:
    follower.most_splits = most_splits
    follower.follow()
    return follower.report()


def _cancelled(follower: Follower | None, stop: Interrupted, terminal: Terminal) -> int:
    """Cancels the run and waits until the server says so; a second signal ends the wait."""
    if follower is None:
        return stop.status
    terminal.warn(f"Cancelling run {follower.run_id} … (again to stop waiting)")
    try:
        cancel(follower.run_id, "interrupted by the user")
        follower.follow()
    except Interrupted:
        terminal.warn(
            f"Run {follower.run_id} was asked to stop; `headwater run show {follower.run_id}` tells when it has."
        )
        return stop.status
    except ServerError as error:
        terminal.error(f"The run may still be going: {error}")
        return stop.status
    state = follower.run.get("state", "")
    terminal.error("The run is cancelled." if state == "RUN_STATE_CANCELLED" else "The run was over already.")
    return stop.status


def cancel(run_id: str, reason: str) -> None:
    """Asks the server to cancel a run; one that is over already is left as it is."""
    from headwater.client.http import API, connect
    from headwater.errors import FailedPrecondition

    try:
        connect().call("POST", f"{API}/runs/{run_id}/cancel", {"reason": reason}, repeatable=True)
    except FailedPrecondition:
        return
