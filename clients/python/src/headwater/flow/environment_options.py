"""Options that scripts for Metaflow give as variables: METAFLOW_<COMMAND>_<OPTION>, and METAFLOW_<OPTION> for those
that stand before the command.

The command line wins; parameters of a flow are read in flow/parameters.py.
"""

from __future__ import annotations

import argparse
import os
from typing import Any, TypeVar

P = TypeVar("P", bound=argparse.ArgumentParser)

# By command; "" before it.
_IN_ENVIRONMENT = {
    "": ("quiet", "pylint", "package_suffixes", "decospecs", "default_decospecs", "branch", "production"),
    "run": ("tag", "max_workers", "max_num_splits", "max_log_size", "run_id_file", "namespace", "decospecs"),
    "resume": (
        "tag",
        "max_workers",
        "max_num_splits",
        "max_log_size",
        "run_id_file",
        "namespace",
        "decospecs",
        "origin_run_id",
    ),
}


def from_environment(parser: P, command: str) -> P:
    """The parser with what the environment says as defaults. Ends the process for a value that is none."""
    actions = {action.dest: action for action in parser._actions}
    for option in _IN_ENVIRONMENT[command]:
        variable = "_".join(("METAFLOW", *filter(None, (command,)), option)).upper()
        text = os.environ.get(variable, "")
        action = actions["decorators" if option.endswith("decospecs") else option]
        if text:
            parser.set_defaults(**{action.dest: _default(parser, variable, text, action)})
    return parser


def _default(parser: argparse.ArgumentParser, variable: str, text: str, action: argparse.Action) -> Any:
    if isinstance(action.default, list):
        return [*action.default, *text.split()]
    if action.nargs == 0:
        return text.strip().lower() in ("1", "true", "t", "yes", "y", "on")
    try:
        return action.type(text) if callable(action.type) else text
    except argparse.ArgumentTypeError as error:
        parser.error(f"{variable}: {error}")
