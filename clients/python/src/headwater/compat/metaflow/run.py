"""Runs a flow file as `python flow.py …` would, with the name `metaflow` given to Headwater."""

from __future__ import annotations

import os
import runpy
import sys
from typing import NoReturn

from headwater.compat.metaflow import install
from headwater.errors import FlowError
from headwater.flow.errorhook import install_error_hook


def run_file(file: str, arguments: list[str]) -> NoReturn:
    """Never returns; the exit status is that of the flow's command line, whose default command is `run`."""
    if not os.path.isfile(file):  # noqa: PTH113 (pathlib costs more than this does)
        sys.exit(f"headwater run: there is no file {file!r}.{did_you_mean(file)}")
    try:
        install()
    except FlowError as error:
        sys.exit(f"headwater run: {error}")
    install_error_hook()
    sys.argv = [file, *with_command(arguments)]
    sys.path.insert(0, os.path.dirname(os.path.abspath(file)))  # noqa: PTH100, PTH120
    try:
        runpy.run_path(file, run_name="__main__")
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != file:
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        sys.exit(1)
    sys.exit(0)


def did_you_mean(file: str, others: list[str] | None = None) -> str:
    """ " Did you mean …?" about Python files beside the one that was named, or others; "" where none is like it."""
    from difflib import get_close_matches
    from pathlib import Path

    files = [str(path) for path in Path(file).parent.glob("*.py")] if "\0" not in file else []
    close = get_close_matches(os.path.normpath(file), [*files, *(others or ())], 1, 0.7)
    return f" Did you mean {close[0]!r}?" if close else ""


def with_command(arguments: list[str]) -> list[str]:
    """`flow.py --alpha 1` is `flow.py run --alpha 1`: without a command among the words, the command is run."""
    from headwater.flow.arguments import COMMANDS

    if not arguments or (arguments[0].startswith("-") and not any(word in COMMANDS for word in arguments)):
        return arguments if {"-h", "--help"} & set(arguments) else ["run", *arguments]
    return arguments
