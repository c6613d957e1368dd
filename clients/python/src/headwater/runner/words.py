"""Keyword arguments as the words of a command line: alpha=5 is --alpha=5, tags=["a"] is --tag=a.

Reads nothing but the flow file, to know whether it was written for Metaflow.
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

# What Metaflow's Runner calls an option, and what the option is called.
_NAMES = {"tags": "tag", "decospecs": "with", "with_": "with", "tag": "tag"}
_PAIRS = ("config", "config_value")
_SWITCHES = frozenset(
    ("pylint", "quiet", "production", "detach", "persist", "skip_decorators", "cached", "clone_only", "reentrant")
)
_SAYS_METAFLOW = re.compile(r"^\s*(?:from|import)\s+metaflow\b", re.MULTILINE)


def command(flow_file: str) -> list[str]:
    """How to start a flow file; one that says `from metaflow import …` gets our SDK under that name."""
    try:
        with open(flow_file, encoding="utf-8", errors="replace") as file:
            foreign = bool(_SAYS_METAFLOW.search(file.read()))
    except OSError as error:
        raise FileNotFoundError(f"the flow file {flow_file} cannot be read: {error.strerror}") from None
    through = ["-m", "headwater.compat.metaflow"] if foreign else []
    return [sys.executable, "-u", *through, os.fspath(flow_file)]


def words(options: Mapping[str, Any]) -> list[str]:
    """Options in the order that they were given."""
    found: list[str] = []
    for name, value in options.items():
        found += _option(name, value)
    return found


def _option(name: str, value: Any) -> list[str]:
    if value is None:
        return []
    if name in _PAIRS:
        pairs = list(value.items()) if isinstance(value, Mapping) else list(value)
        if len(pairs) == 2 and all(isinstance(each, str) for each in pairs):
            pairs = [pairs]
        option = f"--{name.replace('_', '-')}"
        return [word for key, given in pairs for word in (option, str(key), _text(given))]
    option = f"--{_NAMES.get(name, name).replace('_', '-')}" if name in _NAMES or name in _SWITCHES else f"--{name}"
    if name in _SWITCHES and isinstance(value, bool):
        return [option] if value else [f"--no-{option[2:]}"] if name in ("pylint", "persist", "skip_decorators") else []
    if name in _NAMES:
        return [f"{option}={each}" for each in ([value] if isinstance(value, str) else value)]
    if name in _OPTIONS:
        option = f"--{name.replace('_', '-')}"
    return [f"{option}={_text(value)}"]


_OPTIONS = frozenset(
    ("max_workers", "max_num_splits", "max_log_size", "run_id_file", "runner_attribute_file", "origin_run_id",
     "run_id", "resume_identifier", "workflow_timeout", "workflow_priority", "deployment_name",
     "package_suffixes", "datastore_root", "event_logger", "artifacts_module", "namespace")
)  # fmt: skip


def _text(value: Any) -> str:
    """As a parameter's text: JSON for what is no text or number."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (list, tuple, dict)) else str(value)
