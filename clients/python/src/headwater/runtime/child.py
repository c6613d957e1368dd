"""The process of one task: parked by a zygote, given one task on its private socket, gone when that is done. With
@isolation("none") it waits for the next one instead.

Owns the process's surroundings: group, directories, environment, streams, seeds. execute.py runs the step.
"""

import atexit
import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from headwater.flow.current import current
from headwater.runtime import channel, failures, frames, mlflow_run
from headwater.runtime.execute import Context, StepRun
from headwater.runtime.rehearsal import Rehearsal, rehearse
from headwater.runtime.task import Task, parse

CLEAN = 0
USED = 3  # the task is done, its directories are for the agent to remove


def entries_of(package: str) -> list[str]:
    """The files of a code package that a task sees in its directory."""
    return sorted(each for each in os.listdir(package) if not each.startswith(".headwater."))


class Nest:
    """The directories of one task: `cwd` with links to the package's files, `temp`, `out` for files to hand over."""

    def __init__(self, base: str, entries: list[str]) -> None:
        self.cwd = base
        self.temp = base + ".tmp"
        self.out = base + ".out"
        self._entries = entries

    def build(self, package: str) -> None:
        os.mkdir(self.cwd, 0o700)
        os.mkdir(self.temp, 0o700)
        for name in self._entries:
            os.symlink(f"{package}/{name}", f"{self.cwd}/{name}")

    def renew(self) -> None:
        """As build() left it, but for links that were removed."""
        for entry in os.scandir(self.cwd):
            if not entry.is_symlink():
                _remove(entry)
        for entry in os.scandir(self.temp):
            _remove(entry)
        if os.path.exists(self.out):
            _remove_tree(self.out)

    def untouched(self) -> bool:
        """Is everything as build() left it, so that another task may have it?"""
        links = 0
        for entry in os.scandir(self.cwd):
            if not entry.is_symlink():
                return False
            links += 1
        return links == len(self._entries) and not os.listdir(self.temp) and not os.path.exists(self.out)


def _remove(entry: "os.DirEntry[str]") -> None:
    if entry.is_dir(follow_symlinks=False):
        _remove_tree(entry.path)
    else:
        os.unlink(entry.path)


def _remove_tree(path: str) -> None:
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def main(sock: socket.socket, flow_class: Any, nest: Nest) -> NoReturn:
    """Never returns: the process ends with CLEAN or USED once the result is with the agent."""
    status = 1
    try:
        os.setpgid(0, 0)
        os.chdir(nest.cwd)
        if not select.select([sock], [], [], 0)[0]:
            stand_back(True)
            warm_up(nest)
            stand_back(False)
        message = frames.receive(sock)
        if message is not None:
            (_serve_all if message.get("again") else serve)(sock, flow_class, nest, message)
            status = CLEAN if nest.untouched() else USED
        else:
            status = CLEAN
    except BaseException:
        traceback.print_exc()
    finally:
        flush()
        os._exit(status)


def stand_back(on: bool) -> None:
    """While a process only prepares for what may come, it interrupts nobody who works (Linux)."""
    if hasattr(os, "SCHED_BATCH"):
        os.sched_setscheduler(0, os.SCHED_BATCH if on else os.SCHED_OTHER, os.sched_param(0))


def warm_up(nest: Nest) -> None:
    rehearse(Path(nest.out), lambda task: _surround(task, Rehearsal, nest, {}))


def _serve_all(sock: socket.socket, flow_class: Any, nest: Nest, message: dict[str, Any]) -> None:
    """One task after the other, until the agent wants no more. What modules remember stays; the rest is as it was."""
    environ, parent = dict(os.environ), os.getpid()
    while True:
        serve(sock, flow_class, nest, message, last=False)
        following = frames.receive(sock)
        if following is None or os.getpid() != parent:
            _settle()
            return
        message = following
        os.chdir(nest.cwd)
        nest.renew()
        for name in [name for name in os.environ if name not in environ]:
            del os.environ[name]
        os.environ.update(environ)
        current._clear()


def serve(sock: socket.socket, flow_class: Any, nest: Nest, message: dict[str, Any], *, last: bool = True) -> None:
    started = time.time()
    task = parse(message["task"])
    line = channel.Channel(sock, Path(message["cache"]), Path(nest.out))
    channel.activate(line)
    _surround(task, flow_class, nest, message.get("environment", {}))
    result = _run(task, flow_class, nest, line, int(message.get("memoryMb", 0)))
    result["times"] = {**result.get("times", {}), "start": started, "end": time.time()}
    (_settle if last else flush)()
    line.finish({"op": "result", **result})


def _run(task: Task, flow_class: Any, nest: Nest, line: channel.Channel, memory_mb: int) -> dict[str, Any]:
    try:
        run = StepRun(task, Context(flow_class, line, Path(nest.cwd), Path(nest.temp), Path(nest.out), memory_mb))
        return {**run.result(), "times": run.times}
    except BaseException as error:  # outside of user code: inputs that cannot be read, a class that cannot be made
        failure = failures.describe(error, task.key.step)
        sys.stderr.write(failure["traceback"])
        return {"failure": failure}


def _surround(task: Task, flow_class: Any, nest: Nest, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    options = getattr(getattr(flow_class, task.key.step, None), "__headwater_step__", None)
    os.environ.update(getattr(options, "environment", {}))
    os.environ.update(
        HEADWATER_RUN_ID=task.key.run_id,
        HEADWATER_PROJECT=task.project,
        HEADWATER_FLOW=task.flow,
        HEADWATER_STEP=task.key.step,
        HEADWATER_TASK_ID=task.task_id,
        HEADWATER_ATTEMPT=str(task.attempt),
        HEADWATER_TOKEN=task.token,
        TRACEPARENT=environment.get("TRACEPARENT", task.traceparent),
        TMPDIR=nest.temp,
    )
    os.environ.update(mlflow_run.variables(task, os.environ))
    _reseed()
    current._update(
        flow_name=task.flow,
        run_id=task.key.run_id,
        step_name=task.key.step,
        task_id=task.task_id,
        retry_count=task.retry_count,
        attempt=task.attempt,
        pathspec=task.pathspec,
        origin_run_id=task.origin_run_id or None,
        username=task.username,
        tags=frozenset(task.tags),
        tempdir=nest.temp,
        project=task.project,
        trigger=task.trigger,
        is_running_flow=True,
        _flow_class=flow_class,
        **_branch(task, flow_class),
        **(_gang(task, environment) if task.gang else {}),
    )


def _gang(task: Task, environment: dict[str, str]) -> dict[str, Any]:
    """`current.parallel`, and what libraries written for Metaflow read from the environment."""
    from headwater.flow.current import Parallel

    _, _, number, width = task.frames[-1]
    parallel = Parallel(environment.get("HEADWATER_MAIN_ADDRESS", "127.0.0.1"), width, number, task.control_task_id)
    for name, value in parallel._asdict().items():
        os.environ[f"MF_PARALLEL_{name.upper()}"] = str(value)
    return {"parallel": parallel, "is_parallel": True}


def _branch(task: Task, flow_class: Any) -> dict[str, Any]:
    """What @project adds to `current`."""
    if not getattr(getattr(flow_class, "__headwater_flow__", None), "project", ""):
        return {}
    from headwater.flow.projects import branch_of

    users = [tag.removeprefix("project_branch:user.") for tag in task.tags if tag.startswith("project_branch:user.")]
    branch = branch_of(flow_class, users[0] if users else task.username)
    return branch._asdict() if branch is not None else {}


def _reseed() -> None:
    """Siblings forked from one process must not draw the same numbers; `random` sees to itself."""
    if (tempfile := loaded("tempfile")) is not None:
        tempfile.tempdir = None
    numpy = loaded("numpy")
    if numpy is not None and loaded("numpy.random") is not None:
        numpy.random.seed(int.from_bytes(os.urandom(4), "little"))


def loaded(name: str) -> Any:
    """A module, if user code has imported it (and really: some put a stand-in that imports on first use there)."""
    module = sys.modules.get(name)
    return module if type(module) is ModuleType else None


def _settle() -> None:
    """What the end of an ordinary Python process does for user code: join threads, run atexit functions, flush."""
    try:
        threading = loaded("threading")
        if threading is not None and threading.active_count() > 1:
            threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    flush()


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass


def become(stdout: int, stderr: int) -> None:
    """Right after the fork: streams into the pipes, default signals, a working garbage collector."""
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue]
    gc.enable()
