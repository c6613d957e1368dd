"""metaflow.metaflow_config_funcs: settings that a flow reads from the environment."""

import os
from typing import Any


def from_conf(name: str, default: Any = None, validate_fn: Any = None) -> Any:
    """The environment variable METAFLOW_<name> as the type of the default."""
    prefixed = name if name.startswith("METAFLOW_") else f"METAFLOW_{name}"
    text = os.environ.get(prefixed)
    if text is None:
        return default
    if isinstance(default, bool):
        return text.strip().lower() in ("1", "true", "yes", "on")
    value = type(default)(text) if isinstance(default, (int, float)) else text
    if validate_fn is not None:
        validate_fn(name, value)
    return value


def init_config() -> dict[str, Any]:
    return {name: value for name, value in os.environ.items() if name.startswith("METAFLOW_")}
