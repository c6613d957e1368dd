"""What makes a flow class ready once it is whole: its configs are read, its mutators run, `--with` is applied.

The command line does it in two parts, because mutators may add parameters to it; a task does it at once. Doing it again
does nothing.
"""

from __future__ import annotations

import sys
from typing import Any

from headwater.flow.choices import chosen
from headwater.flow.options import flow_options, step_options
from headwater.flow.spec import step_function, step_names

_PREPARED = "__headwater_prepared__"
_COMPLETED = "__headwater_completed__"


def prepare(cls: Any) -> None:
    """Reads configs, applies decorators that wait for them, lets mutators change the flow. Raises ConfigError."""
    if _PREPARED in cls.__dict__:
        return
    setattr(cls, _PREPARED, True)
    configs = _configs(cls)
    for name in step_names(cls):
        function = step_function(cls, name)
        options = step_options(function)
        if options is not None and options.deferred:
            from headwater.flow.declare import apply_deferred

            apply_deferred(function, configs)
    _mutate(cls, configs, early=True)


def complete(cls: Any, decorators: list[str]) -> None:
    """Applies decorators of `--with`, and lets mutators change the steps. Raises FlowError."""
    prepare(cls)
    if decorators:
        from headwater.flow.with_options import apply_with, for_tasks

        apply_with(cls, decorators)
        chosen.decorators = for_tasks(decorators)
    if _COMPLETED not in cls.__dict__:
        setattr(cls, _COMPLETED, True)
        _mutate(cls, _configs(cls), early=False)


def _configs(cls: Any) -> dict[str, Any]:
    module = sys.modules.get("headwater.flow.config")
    if module is None:
        return {}
    if not chosen.root:
        chosen.configs = {each.name: each.travelling() for each in module.configs_of(cls).values()}
    return module.values_of(cls)


def _mutate(cls: Any, configs: dict[str, Any], early: bool) -> None:
    method = "pre_mutate" if early else "mutate"
    for mutator in flow_options(cls).mutators:  # one that adds another makes this list longer while it is walked
        from headwater.flow.mutators import MutableFlow

        mutator.make_ready(configs)
        getattr(mutator, method)(MutableFlow(cls, mutator.decorator_name, early))
    for name in step_names(cls):
        options = step_options(step_function(cls, name))
        if options is None:
            continue
        for wrapper in options.wrappers:
            wrapper.make_ready(configs)
        for mutator in options.mutators:
            from headwater.flow.mutators import MutableStep

            mutator.make_ready(configs)
            getattr(mutator, method)(MutableStep(cls, mutator.decorator_name, early, name))
