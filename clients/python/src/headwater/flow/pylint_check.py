"""Pylint on the file of a flow, where it is installed beside the command, as Metaflow runs it before a run.

Says what pylint found, without complaints that come from how flows are made.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from headwater.errors import FlowError

if TYPE_CHECKING:
    from headwater.flow.terminal import Terminal

# Decorators that change the signature of what they stand before.
_MUTATORS = (
    "headwater.flow.user_steps.user_step_decorator",
    "metaflow.user_decorators.user_step_decorator.user_step_decorator",
)
_FALSE_ALARMS = re.compile(
    r"^$|^-+$|^Your code has been rated|\*\*\*|\(no-name-in-module\)|Unable to import 'metaflow[.']"
    r"|Instance of '(?:Parameter|IncludeFile|Current)' has no|self\.next is not callable"
)


class PylintUnhappy(FlowError):
    """Pylint is not happy: what it found has been printed."""

    def __init__(self) -> None:
        super().__init__("Pylint is not happy: Fix Pylint warnings listed above or say --no-pylint.")


def examine(file: str, terminal: Terminal, *, warnings: bool = False) -> None:
    """Runs pylint on a file. warnings: show all of them, not just errors. Raises PylintUnhappy."""
    terminal.note("Running pylint...")
    run = _pylint()
    if run is None:
        terminal.note("    Pylint not found, so extra checks are disabled.")
        return
    lines, problem = _examined(run, file, warnings)
    for line in lines:
        terminal.warn(f"    {line}")
    if lines:
        raise PylintUnhappy
    if problem:
        terminal.warn(f"    Pylint couldn't analyze your code.\n\tPylint exception: {problem}")
        terminal.warn("    Skipping Pylint checks.")
    else:
        terminal.note("    Pylint is happy!")


def _pylint() -> Any:
    try:
        from pylint.lint import Run  # pyright: ignore[reportMissingImports, reportUnknownVariableType]
    except Exception:  # also one that is broken
        return None
    return Run  # pyright: ignore[reportUnknownVariableType]


def _examined(run: Any, file: str, warnings: bool) -> tuple[list[str], str]:
    """The lines that count, and why pylint gave up, if it did."""
    words = [file, "--signature-mutators", ",".join(_MUTATORS), *([] if warnings else ["--errors-only"])]
    out, problem, path = io.StringIO(), "", list(sys.path)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            run(words, None, False)
        except (Exception, SystemExit) as error:
            problem = repr(error)
        finally:
            sys.path[:] = path
    return list(_counting(out.getvalue())), problem


def _counting(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if not _FALSE_ALARMS.search(line))
