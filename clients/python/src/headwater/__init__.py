"""Headwater: author a flow, run it, track it, version its data and models, promote a model.

Everything here is loaded on first use, so `import headwater` costs a few milliseconds. It never talks to a server by
itself.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.client import DataArtifact as DataArtifact
    from headwater.client import Flow as Flow
    from headwater.client import Run as Run
    from headwater.client import Step as Step
    from headwater.client import Task as Task
    from headwater.client import namespace as namespace
    from headwater.flow.current import current as current
    from headwater.flow.decorators import catch as catch
    from headwater.flow.decorators import command as command
    from headwater.flow.decorators import environment as environment
    from headwater.flow.decorators import pool as pool
    from headwater.flow.decorators import resources as resources
    from headwater.flow.decorators import retry as retry
    from headwater.flow.decorators import timeout as timeout
    from headwater.flow.parameters import JSONType as JSONType
    from headwater.flow.parameters import Parameter as Parameter
    from headwater.flow.spec import FlowSpec as FlowSpec
    from headwater.flow.spec import step as step
    from headwater.flow.triggers import project as project
    from headwater.flow.triggers import schedule as schedule
    from headwater.flow.triggers import trigger as trigger
    from headwater.flow.triggers import trigger_on_finish as trigger_on_finish
    from headwater.flow.triggers import trigger_on_promotion as trigger_on_promotion
    from headwater.models import ModelVersion as ModelVersion
    from headwater.models import load_model as load_model
    from headwater.models import promote as promote
    from headwater.models import register_model as register_model
    from headwater.tracking import log_metric as log_metric
    from headwater.tracking import log_metrics as log_metrics
    from headwater.tracking import log_param as log_param
    from headwater.tracking import log_params as log_params
    from headwater.tracking import set_tag as set_tag

__version__ = "0.1.0"

_HOMES = {
    "headwater.flow.spec": ("FlowSpec", "step"),
    "headwater.flow.parameters": ("Parameter", "JSONType"),
    "headwater.flow.current": ("current",),
    "headwater.flow.decorators": ("retry", "catch", "timeout", "resources", "environment", "command", "pool"),
    "headwater.flow.triggers": ("trigger", "trigger_on_finish", "trigger_on_promotion", "schedule", "project"),
    "headwater.tracking": ("log_metric", "log_metrics", "log_param", "log_params", "set_tag"),
    "headwater.models": ("register_model", "promote", "load_model", "ModelVersion"),
    "headwater.client": ("Flow", "Run", "Step", "Task", "DataArtifact", "namespace"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME_OF]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'headwater' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
