"""Reads what the platform knows: Flow, Run, Step, Task, DataArtifact, and the connection underneath.

Loaded piece by piece, so that a command that needs only the connection pays only for it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.client.code import MetaflowCode as MetaflowCode
    from headwater.client.http import Connection as Connection
    from headwater.client.http import connect as connect
    from headwater.client.namespaces import default_namespace as default_namespace
    from headwater.client.namespaces import get_namespace as get_namespace
    from headwater.client.namespaces import namespace as namespace
    from headwater.client.providers import default_metadata as default_metadata
    from headwater.client.providers import get_metadata as get_metadata
    from headwater.client.providers import metadata as metadata
    from headwater.client.runs import Flow as Flow
    from headwater.client.runs import Metaflow as Metaflow
    from headwater.client.runs import Run as Run
    from headwater.client.runs import flows as flows
    from headwater.client.spins import inspect_spin as inspect_spin
    from headwater.client.steps import Step as Step
    from headwater.client.tasks import Task as Task
    from headwater.client.values import DataArtifact as DataArtifact

_HOMES = {
    "headwater.client.http": ("Connection", "connect"),
    "headwater.client.namespaces": ("default_namespace", "get_namespace", "namespace"),
    "headwater.client.code": ("MetaflowCode",),
    "headwater.client.providers": ("default_metadata", "get_metadata", "metadata"),
    "headwater.client.runs": ("Flow", "Metaflow", "Run", "flows"),
    "headwater.client.spins": ("inspect_spin",),
    "headwater.client.steps": ("Step",),
    "headwater.client.tasks": ("Task",),
    "headwater.client.values": ("DataArtifact",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'headwater.client' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value
