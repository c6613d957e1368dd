"""NBRunner and NBDeployer: for a flow that is defined in a cell of a notebook.

The cell that defines the flow becomes a file beside the notebook, without what it does beyond definitions.
"""

import ast
import inspect
import os
import re
import sys
from pathlib import Path
from typing import Any

from headwater.errors import FlowError
from headwater.runner.deployer import Deployer
from headwater.runner.runner import ExecutingRun, ExecutingTask, Runner

_MAGIC = re.compile(r"^\s*[%!]")
_DEFINES = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Try,
    ast.If, ast.With,
)  # fmt: skip
_RUNNERS = frozenset(("NBRunner", "NBDeployer", "Runner", "Deployer"))


class NBRunnerInitializationError(FlowError):
    """Not in a notebook, or the flow is in none of its cells."""


class NBDeployerInitializationError(FlowError):
    """Not in a notebook, or the flow is in none of its cells."""


class NBRunner:
    """Runs a flow of a notebook's cell; arguments as those of Runner, base_dir: where the file of the cell lies."""

    def __init__(
        self,
        flow: type,
        show_output: bool = True,
        profile: str | None = None,
        env: dict[str, str] | None = None,
        base_dir: str | None = None,
        file_read_timeout: int = 3600,
        **kwargs: Any,
    ) -> None:
        self.flow = flow
        self.base_dir = base_dir or str(Path.cwd())
        self.flow_file = cell_file(flow, self.base_dir, NBRunnerInitializationError)
        environ = {**(env or {}), "JPY_PARENT_PID": ""}
        self.runner = Runner(self.flow_file, show_output, profile, environ, self.base_dir, file_read_timeout, **kwargs)

    def nbrun(self, **kwargs: Any) -> Any:
        """Runs the flow to its end and returns the client's Run."""
        try:
            return self.runner.run(**kwargs).run
        finally:
            self.cleanup()

    def nbresume(self, **kwargs: Any) -> Any:
        """Resumes a run and returns the client's Run."""
        try:
            return self.runner.resume(**kwargs).run
        finally:
            self.cleanup()

    def nbspin(self, pathspec: str, **kwargs: Any) -> Any:
        """Spins a step and returns the client's Task."""
        try:
            return self.runner.spin(pathspec, **kwargs).task
        finally:
            self.cleanup()

    def run(self, **kwargs: Any) -> ExecutingRun:
        return self.runner.run(**kwargs)

    def resume(self, **kwargs: Any) -> ExecutingRun:
        return self.runner.resume(**kwargs)

    def spin(self, pathspec: str, **kwargs: Any) -> ExecutingTask:
        return self.runner.spin(pathspec, **kwargs)

    async def async_run(self, **kwargs: Any) -> ExecutingRun:
        return await self.runner.async_run(**kwargs)

    async def async_resume(self, **kwargs: Any) -> ExecutingRun:
        return await self.runner.async_resume(**kwargs)

    async def async_spin(self, pathspec: str, **kwargs: Any) -> ExecutingTask:
        return await self.runner.async_spin(pathspec, **kwargs)

    def cleanup(self) -> None:
        """Removes the file of the cell; after async_run, call it when the run is over."""
        Path(self.flow_file).unlink(missing_ok=True)
        self.runner.cleanup()


class NBDeployer(Deployer):
    """Deploys a flow of a notebook's cell; arguments as those of NBRunner."""

    def __init__(
        self,
        flow: type,
        show_output: bool = True,
        profile: str | None = None,
        env: dict[str, str] | None = None,
        base_dir: str | None = None,
        file_read_timeout: int = 3600,
        **kwargs: Any,
    ) -> None:
        base = base_dir or str(Path.cwd())
        environ = {**(env or {}), "JPY_PARENT_PID": ""}
        file = cell_file(flow, base, NBDeployerInitializationError)
        super().__init__(file, show_output, profile, environ, base, file_read_timeout, **kwargs)

    def cleanup(self) -> None:
        """Removes the file of the cell."""
        Path(self.flow_file).unlink(missing_ok=True)


def cell_file(flow: type, folder: str, error: type[FlowError]) -> str:
    """Writes the cell that defines a flow into a file and returns its path. Raises the error."""
    cell = _cell(flow, error)
    path = Path(folder) / f"{flow.__name__}_{os.urandom(4).hex()}.py"
    path.write_text(flow_source(cell, flow.__name__), encoding="utf-8")
    return str(path)


def _cell(flow: type, error: type[FlowError]) -> str:
    """The newest cell that defines the flow."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        name = error.__name__.removesuffix("InitializationError")
        hint = f"in a script use {name.removeprefix('NB')}(file)"
        raise error(f"{name} needs a notebook or another IPython shell", hint=hint)
    defines = re.compile(rf"^\s*class\s+{re.escape(flow.__name__)}\b", re.MULTILINE)
    for cell in reversed(shell.history_manager.input_hist_raw):
        if defines.search(cell):
            return cell
    try:
        return inspect.getsource(flow)
    except (OSError, TypeError):
        raise error(f"no cell defines {flow.__name__}", hint="run the cell with the class first") from None


def flow_source(cell: str, flow: str) -> str:
    """The definitions of a cell, and the flow's command line below them."""
    text = "\n".join("" if _MAGIC.match(line) else line for line in cell.splitlines())
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise FlowError(f"the cell of {flow} cannot be read: {error}") from None
    ends = next((n.end_lineno for n in tree.body if isinstance(n, ast.ClassDef) and n.name == flow), 0) or 0
    parts = [_with_decorators(text, node) for node in tree.body if _defines(node, node.lineno > ends)]
    return "\n\n".join([*parts, f'if __name__ == "__main__":\n    {flow}()\n'])


def _defines(node: ast.stmt, behind: bool) -> bool:
    """behind: the flow, where a cell goes on to use it."""
    if not isinstance(node, _DEFINES):
        return False
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return True
    if behind:
        return False
    named = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return not named & _RUNNERS and "__name__" not in named


def _with_decorators(text: str, node: ast.stmt) -> str:
    """The source of a statement from its first decorator on."""
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
