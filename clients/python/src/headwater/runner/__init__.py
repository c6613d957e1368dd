"""Flows from code: Runner and Deployer, their notebook variants, and what they return. Loaded piece by piece."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.runner.deployed import DeployedFlow as DeployedFlow
    from headwater.runner.deployed import TriggeredRun as TriggeredRun
    from headwater.runner.deployer import Deployer as Deployer
    from headwater.runner.notebook import NBDeployer as NBDeployer
    from headwater.runner.notebook import NBRunner as NBRunner
    from headwater.runner.runner import ExecutingRun as ExecutingRun
    from headwater.runner.runner import ExecutingTask as ExecutingTask
    from headwater.runner.runner import Runner as Runner

_HOMES = {
    "headwater.runner.deployed": ("DeployedFlow", "TriggeredRun"),
    "headwater.runner.deployer": ("Deployer",),
    "headwater.runner.notebook": ("NBDeployer", "NBRunner"),
    "headwater.runner.runner": ("ExecutingRun", "ExecutingTask", "Runner"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'headwater.runner' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value
