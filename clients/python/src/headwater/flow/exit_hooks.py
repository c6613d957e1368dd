"""@exit_hook: functions that run after the run has ended, on the machine that followed it.

A hook that fails is reported; it changes neither the run nor the exit status.
"""

from __future__ import annotations

import inspect
import sys
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


@flow_decorator
def exit_hook(
    *, on_success: Iterable[Hook] = (), on_error: Iterable[Hook] = (), options: dict[str, Any] | None = None
) -> Any:
    """Runs functions after the run: on_success when it succeeded, on_error when it failed or was cancelled.

    A function, or its name: in the flow's file, or "package.module.function". One that has an argument `run` receives
    the client's Run. options is accepted for flows written for Metaflow.

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


def run_hooks(cls: Any, run: dict[str, Any], terminal: Terminal) -> None:
    """Runs the hooks that the end of a run (JSON) calls for."""
    options = flow_options(cls)
    hooks = options.on_success if run.get("state") == "RUN_STATE_SUCCEEDED" else options.on_error
    for hook in hooks:
        name = hook if isinstance(hook, str) else hook.__name__
        try:
            function = _find(cls, hook)
            taken = inspect.signature(function).parameters
            wants = "run" in taken or any(each.kind is each.VAR_KEYWORD for each in taken.values())
            terminal.note(f"Running exit hook {name}")
            function(**({"run": _client_run(run)} if wants else {}))
        except Exception as error:
            terminal.error(f"Exit hook {name} failed: {type(error).__name__}: {error}")
            terminal.error("".join(traceback.format_exception(error)).rstrip())


def _find(cls: Any, hook: Hook) -> Callable[..., Any]:
    if callable(hook):
        return hook
    module, _, name = hook.rpartition(".")
    found = getattr(import_module(module) if module else sys.modules[cls.__module__], name, None)
    if found is None:
        raise FlowError(f"there is no function {hook!r}")
    return found


def _client_run(run: dict[str, Any]) -> Any:
    from headwater.client import Run

    return Run(f"{run.get('flow', '')}/{run['runId']}")
