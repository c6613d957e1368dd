"""`spin STEP|PATHSPEC`: runs one step again in this process, on the inputs that a past task had, without the server
learning of it.

Parameters are those of the past run, the code is that of the file. What the step leaves behind goes into a folder.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.errors import FlowError
from headwater.flow import start
from headwater.flow.arguments import Parser
from headwater.flow.lint import suggestion

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from headwater.flow.terminal import Terminal


def spin_command(cls: type, rest: list[str], terminal: Terminal, script: str) -> int:
    """The exit status: 0 when the step succeeded."""
    options = _parser(script).parse_args(rest)
    graph = start.checked_graph(cls)
    task = _origin(cls.__name__, options.pathspec, [step["name"] for step in graph["steps"]])
    run_id = f"spin-{os.urandom(6).hex()}"
    terminal.note(
        f"Spinning up step {task.parent.id} locally for flow {cls.__name__}, on the inputs of {task.pathspec}"
    )
    with tempfile.TemporaryDirectory(prefix="headwater-spin-") as folder:
        spun = _Spun(cls, graph, task, run_id, Path(folder))
        if options.artifacts_module:
            spun.overwrite(_artifacts(options.artifacts_module))
        result = spun.run(skip=options.skip_decorators)
        root = Path.cwd() / _folder() if options.persist else None
        if root is not None:
            spun.persist(root, result)
        _write_files(options, spun, root)
    failure = result.get("failure")
    if failure:
        terminal.error(f"Step {task.parent.id} failed: {failure.get('message', '')}")
        return 1
    terminal.note(f"Step {task.parent.id} is done.")
    if root is not None:
        terminal.note(f"Its artifacts: inspect_spin({str(root.parent)!r}); Task({spun.pathspec!r})")
    return 0


def _folder() -> str:
    from headwater.client.spins import FOLDER

    return FOLDER


def _parser(script: str) -> Parser:
    text = "Runs one step again, here, on the inputs of a past task. The server does not learn of it."
    parser = Parser(prog=f"{script} spin", description=text)
    parser.add_argument("pathspec", metavar="STEP|RUN/STEP[/TASK]", help="STEP alone: of the latest run that has it")
    parser.add_argument("--artifacts-module", default="", metavar="FILE", help="a Python file whose dictionary "
                        "ARTIFACTS replaces artifacts that the step gets")  # fmt: skip
    parser.add_argument("--skip-decorators", action="store_true", help="without what the step's decorators do")
    parser.add_argument("--no-skip-decorators", dest="skip_decorators", action="store_false")
    parser.add_argument("--persist", action="store_true", default=True, help="keep the artifacts (default)")
    parser.add_argument("--no-persist", dest="persist", action="store_false", help="forget the artifacts")
    parser.add_argument("--max-log-size", type=int, default=10, help="accepted; nothing is cut here")
    parser.add_argument("--run-id-file", default="", metavar="FILE", help="write the id of the spin there")
    parser.add_argument("--runner-attribute-file", default="", metavar="FILE", help="write where to find the task")
    return parser


def _origin(flow: str, text: str, steps: list[str]) -> Any:
    """The past task whose inputs are used. Raises FlowError, NotFound."""
    from headwater.client import Step

    parts = text.strip("/").split("/")
    if len(parts) > 1 and parts[0] == flow:
        parts = parts[1:]
    if not all(parts) or len(parts) > 3:
        raise FlowError(f"{text!r} names no step", hint="write STEP, RUN/STEP or RUN/STEP/TASK")
    step = parts[0] if len(parts) == 1 else parts[1]
    if step not in steps:
        raise FlowError(f"flow {flow} has no step {step!r}{suggestion(step, steps)}")
    if len(parts) == 1:
        return _latest(flow, step)
    found = Step(f"{flow}/{_run(flow, parts[0]).id}/{step}", _namespace_check=False)
    if len(parts) == 2:
        return found.task
    if parts[2] not in found:
        raise FlowError(f"step {found.pathspec} has no task {parts[2]!r}", hint=f"it has {len(found)}")
    return found[parts[2]]


def _run(flow: str, run: str) -> Any:
    from headwater.client import Run

    return Run(f"{flow}/{run}", _namespace_check=False)


def _latest(flow: str, step: str) -> Any:
    from headwater.client import Run, resources

    for body in resources.list_runs(flow=flow, limit=20):
        run = Run(f"{flow}/{body['runId']}", _body=body)
        with contextlib.suppress(KeyError):
            return run[step].task
    raise FlowError(f"no run of flow {flow} has a task of step {step!r}", hint="run the flow first")


def _artifacts(path: str) -> dict[str, Any]:
    """ARTIFACTS of a file. Raises FlowError."""
    import runpy

    try:
        found = runpy.run_path(path).get("ARTIFACTS")
    except OSError as error:
        raise FlowError(f"--artifacts-module {path}: {error.strerror}") from None
    except Exception as error:
        raise FlowError(f"--artifacts-module {path}: {type(error).__name__}: {error}") from error
    if not isinstance(found, dict):
        raise FlowError(f"--artifacts-module {path} has no dictionary ARTIFACTS", hint='ARTIFACTS = {"x": 1}')
    return found


class _NoAgent:
    """The channel of a task that no node agent stands behind."""

    def get_blob(self, digest: str) -> Path:
        from headwater.artifacts import blobs

        return blobs.get(digest)


class _Spun:
    """One step on its way: the assignment that a worker would get, made of what the client knows."""

    def __init__(self, cls: Any, graph: dict[str, Any], task: Any, run_id: str, folder: Path) -> None:
        self.origin, self.run_id, self.folder = task, run_id, folder
        self._run = task.parent.parent
        self._cls, self._graph = cls, graph
        self.step = task.parent.id
        self.pathspec = f"{cls.__name__}/{run_id}/{self.step}/{task.id}"
        self.assignment = self._assignment()
        self._step_run = self._prepared()

    def overwrite(self, artifacts: dict[str, Any]) -> None:
        """Puts values in the place of those that the step gets."""
        for name, value in artifacts.items():
            setattr(self._step_run.flow, name, value)

    def run(self, *, skip: bool) -> dict[str, Any]:
        """The result, as a worker's child reports it."""
        with self._surroundings(skip):
            return self._step_run.result()

    def persist(self, root: Path, result: dict[str, Any]) -> None:
        """Leaves the task and its values where inspect_spin() finds them."""
        from headwater.client import spins

        (root / "blobs").mkdir(parents=True, exist_ok=True)
        for digest, _, path in result.get("blobs", ()):
            shutil.copyfile(path, root / "blobs" / digest)
        run = {**self._run.body, "runId": self.run_id, "originRunId": self.origin.path_components[1]}
        run["graph"] = self._graph
        state = "TASK_STATE_FAILED" if "failure" in result else "TASK_STATE_SUCCEEDED"
        task = {"key": self.assignment["key"], "taskId": self.origin.id, "attempt": 1, "state": state}
        if "failure" in result:
            task["failure"] = result["failure"]
        task["result"] = base64.b64encode(result.get("manifest", "").encode()).decode()
        folder = spins.task_folder(root, self.run_id, self.step, self.origin.id)
        folder.mkdir(parents=True)
        (folder / "spin.json").write_text(json.dumps({"run": run, "task": task}))

    def _assignment(self) -> dict[str, Any]:
        task, body = self.origin, self._run.body
        graph = {step["name"]: step for step in self._graph["steps"]}
        return {
            "key": {**task.body["key"], "runId": self.run_id},
            "attempt": 1,
            "project": body.get("project", "default"),
            "flow": self._cls.__name__,
            "step": {
                name: value for name, value in graph[self.step].items() if name not in ("catch", "retry", "cards")
            },
            "parameters": body.get("parameters", {}),
            "inputs": [{"key": t.body["key"], "result": t.body.get("result", "")} for t in task.parent_tasks],
            "frames": _frames(self._run.graph, task),
            "originRunId": body["runId"],
            "tags": body.get("tags", []),
            "createdBy": body.get("createdBy", {}),
        }

    def _prepared(self) -> Any:
        from headwater.runtime.execute import Context, StepRun
        from headwater.runtime.task import parse

        agent: Any = _NoAgent()
        return StepRun(parse(self.assignment), Context(self._cls, agent, Path.cwd(), self.folder, self.folder / "out"))

    @contextlib.contextmanager
    def _surroundings(self, skip: bool) -> Iterator[None]:
        """`current`, and the environment that decorators ask for."""
        from headwater.flow.current import current
        from headwater.flow.options import step_options
        from headwater.flow.spec import step_function

        options = step_options(step_function(self._cls, self.step))
        before = dict(os.environ)
        if options is not None and not skip:
            os.environ.update(options.environment)
        if options is not None and skip:
            options.environment, options.timeout_seconds = {}, None
        current._update(
            flow_name=self._cls.__name__, run_id=self.run_id, step_name=self.step, task_id=self.origin.id,
            pathspec=self.pathspec, origin_run_id=self.origin.path_components[1], tempdir=str(self.folder),
            username=self.assignment["createdBy"].get("name", ""), tags=frozenset(self.assignment["tags"]),
            is_running_flow=True,
        )  # fmt: skip
        try:
            yield
        finally:
            current._clear()
            os.environ.clear()
            os.environ.update(before)


def _frames(graph: list[dict[str, Any]], task: Any) -> list[dict[str, Any]]:
    """The foreach steps that are open around a task, as ForeachFrames in JSON."""
    from headwater.client.graph import foreach_around, node_of

    around = foreach_around(graph)[task.parent.id]
    ids = [each.id.partition("~")[0].split(".") for each in task.parent]
    mine = task.id.partition("~")[0].split(".")
    frames: list[dict[str, Any]] = []
    for level, step in enumerate(around):
        width = len({other[level] for other in ids if other[:level] == mine[:level]})
        var = node_of(graph, step).get("foreach", "")
        frames.append({"step": step, "var": var, "index": int(mine[level]), "width": width})
    return frames


def _write_files(options: argparse.Namespace, spun: _Spun, root: Path | None) -> None:
    told = {"flow_name": spun.pathspec.split("/")[0], "run_id": spun.run_id, "step_name": spun.step,
            "task_id": spun.origin.id, "metadata": f"spin@{root}" if root else ""}  # fmt: skip
    for path, text in ((options.run_id_file, spun.run_id), (options.runner_attribute_file, json.dumps(told))):
        if path:
            try:
                Path(path).write_text(text)
            except OSError as error:
                raise FlowError(f"cannot write {path}: {error.strerror}") from None
