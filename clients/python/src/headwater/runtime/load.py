"""Imports a user's flow file as a module and finds the flow class in it."""

import importlib.util
import os
import sys
from types import ModuleType
from typing import Any

from headwater.environments.fingerprint import fingerprint
from headwater.errors import FlowError
from headwater.flow.choices import chosen
from headwater.flow.finish import complete
from headwater.runtime import reads


def load_flow(package: str, entrypoint: str, flow_class: str) -> Any:
    """The class `flow_class` of the file `entrypoint` in the directory `package`. Raises what the import raises.

    The file is imported under its own name, not as __main__, so its `if __name__ == "__main__"` part does not run and
    classes it defines can be pickled and found again by later steps.
    """
    reads.environment = fingerprint(package)
    path = os.path.join(package, entrypoint)
    if not os.path.isfile(path):
        raise FlowError(f"the code package has no file {entrypoint!r}")
    sys.argv = [path]
    sys.path[0:0] = [os.path.dirname(path)]
    chosen.load(package)
    if chosen.metaflow:
        from headwater.compat.metaflow import install

        install()
    module = _import(path)
    cls = getattr(module, flow_class, None)
    if not isinstance(cls, type):
        raise FlowError(f"{entrypoint} has no class {flow_class!r}")
    complete(cls, chosen.decorators)
    if any(_has_cards(value) for base in cls.__mro__ for value in vars(base).values()):
        from headwater.cards.live import graph_of  # once, for all tasks that are forked from here

        graph_of(cls)
    return cls


def _has_cards(value: Any) -> bool:
    return bool(getattr(getattr(value, "__headwater_step__", None), "cards", ()))


def _import(path: str) -> ModuleType:
    name = module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FlowError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def module_name(path: str) -> str:
    """The file's own name, unless that would hide a module that other code needs (a flow in random.py)."""
    stem = os.path.splitext(os.path.basename(path))[0]
    if stem in sys.stdlib_module_names or stem in sys.modules or not stem.isidentifier():
        return "headwater_flow_" + "".join(c if c.isalnum() else "_" for c in stem)
    return stem
