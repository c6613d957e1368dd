"""@exit_hook: functions that run after the run has ended, on a worker, in a run of their own that the scheduler starts.

A hook that fails is reported; it changes neither the run that has ended nor the exit status of its command.
"""

from __future__ import annotations

import inspect
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from headwater.errors import FlowError
from headwater.flow.declare import flow_decorator
from headwater.flow.options import flow_options, own_flow_options

if TYPE_CHECKING:
    from headwater.flow.terminal import Terminal

Hook = str | Callable[..., Any]
# Seconds to wait for the run of the hooks to be started.
PATIENCE = 15.0


@flow_decorator
def exit_hook(
    *, on_success: Iterable[Hook] = (), on_error: Iterable[Hook] = (), options: dict[str, Any] | None = None
) -> Any:
    """Runs functions after the run: on_success when it succeeded, on_error when it failed or was cancelled.

    A function, or its name: in the flow's file, or "package.module.function". One that has an argument `run` receives
    the client's Run. They run on a worker, whether or not anybody follows the run, as a run of the flow NAME.exit_hook.
    options is accepted for flows written for Metaflow.

        @exit_hook(on_error=[page_me])
        class Train(FlowSpec): ...
    """
    success, error = list(on_success), list(on_error)
    if not success and not error:
        raise FlowError("Choose at least one of the options on_success/on_error")
    for each in (*success, *error):
        if not isinstance(each, str) and not callable(each):
            raise FlowError(f"@exit_hook: {each!r} is neither a function nor the name of one")

    def decorate(cls: Any) -> Any:
        from headwater.flow.triggers import flow_class

        own = own_flow_options(flow_class("exit_hook", cls))
        own.on_success += success
        own.on_error += error
        own.decorators.append("exit_hook")
        return cls

    return decorate


def run_hooks(cls: Any) -> None:
    """On a worker: runs the hooks that the end of the run calls for which started this one, all of them.

    Raises FlowError when some failed.
    """
    from headwater.flow.current import current

    ended = current.trigger.event
    options = flow_options(cls)
    failed: list[str] = []
    for hook in options.on_success if ended.name == "run.succeeded" else options.on_error:
        name = hook if isinstance(hook, str) else hook.__name__
        try:
            function = _find(cls, hook)
            taken = inspect.signature(function).parameters
            wants = "run" in taken or any(each.kind is each.VAR_KEYWORD for each in taken.values())
            function(**({"run": current.trigger.run} if wants else {}))
        except Exception as error:
            failed.append(name)
            print(f"Exit hook {name} failed: {type(error).__name__}: {error}", file=sys.stderr)
            traceback.print_exception(error)
    if failed:
        raise FlowError(f"exit hooks failed: {', '.join(failed)}; the run that they are of is not changed by that")


def follow_hooks(cls: Any, run: dict[str, Any], terminal: Terminal) -> None:
    """In the client: waits for the run of the hooks of a run (JSON) that has ended, and shows what it does."""
    from headwater.flow.follow import Follower

    options = flow_options(cls)
    if not (options.on_success if run.get("state") == "RUN_STATE_SUCCEEDED" else options.on_error):
        return
    hooks = _hook_run(run)
    if hooks is None:
        terminal.warn("The exit hooks have not started yet; they run on a worker, without this command too.")
        return
    terminal.note(f"Exit hooks run as {hooks['flow']}/{hooks['runId']}")
    Follower(hooks, terminal).follow()


def _hook_run(run: dict[str, Any]) -> dict[str, Any] | None:
    """The scheduler starts it a moment after the end of the run."""
    from headwater.client.http import API, connect

    connection = connect()
    query = {"flow": f"{run['flow']}.exit_hook", "pageSize": 50}
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for each in connection.call("GET", f"{API}/projects/{connection.project}/runs", query=query).get("runs", []):
            if f'"{run["runId"]}"' in each.get("trigger", {}).get("payloadJson", ""):
                return each
        time.sleep(0.05)
    return None


def _find(cls: Any, hook: Hook) -> Callable[..., Any]:
    if callable(hook):
        return hook
    module, _, name = hook.rpartition(".")
    found = getattr(import_module(module) if module else sys.modules[cls.__module__], name, None)
    if found is None:
        raise FlowError(f"there is no function {hook!r}")
    return found
