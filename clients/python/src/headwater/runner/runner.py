"""Runner: runs, resumes and spins a flow file from code, each as a process of its own.

with Runner("train.py").run(alpha=5, tags=["night"]) as running:
    print(running.status, running.run.data.accuracy)
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from headwater.client import Run, Task
from headwater.runner.process import LOOK, Process
from headwater.runner.words import command, words

ATTRIBUTES = "attributes"


class ExecutingProcess:
    """A command of a flow that goes on, or is over."""

    def __init__(self, runner: "Runner", process: Process) -> None:
        self.runner = runner
        self.command_obj = process

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *raised: object) -> None:
        self.runner.cleanup()

    async def wait(self, timeout: float | None = None, stream: str | None = None) -> Any:
        """Awaits the end; after `timeout` seconds the run is cancelled. stream: "stdout" or "stderr" is printed."""
        await self.command_obj.async_wait(timeout, stream)
        return self

    @property
    def returncode(self) -> int | None:
        """None while it goes on; 0: it succeeded."""
        return self.command_obj.returncode

    @property
    def status(self) -> str:
        """running, successful, failed or timeout."""
        if self.command_obj.timed_out:
            return "timeout"
        code = self.returncode
        return "running" if code is None else "failed" if code else "successful"

    @property
    def stdout(self) -> str:
        """What the command printed so far."""
        return self.command_obj.output("stdout")

    @property
    def stderr(self) -> str:
        return self.command_obj.output("stderr")

    async def stream_log(self, stream: str, position: int | None = None) -> AsyncIterator[tuple[int, str]]:
        """(position, line) of each line of "stdout" or "stderr" as it comes; go on later from a position."""
        async for found in self.command_obj.follow(stream, position):
            yield found


class ExecutingRun(ExecutingProcess):
    """`run`: the client's Run."""

    def __init__(self, runner: "Runner", process: Process, run: Run) -> None:
        super().__init__(runner, process)
        self.run = run


class ExecutingTask(ExecutingProcess):
    """`task`: the client's Task of a spun step."""

    def __init__(self, runner: "Runner", process: Process, task: Task) -> None:
        super().__init__(runner, process)
        self.task = task


class Runner:
    """Runs a flow file. show_output: its output is shown by run, resume and spin; env: more environment variables; cwd:
    where it runs; file_read_timeout: seconds until its run must have begun; further arguments are options before the
    command, such as environment="pypi", decospecs=["retry"], config={"name": "file"}."""

    def __init__(
        self,
        flow_file: str,
        show_output: bool = True,
        profile: str | None = None,
        env: dict[str, str] | None = None,
        cwd: str | None = None,
        file_read_timeout: int = 3600,
        **kwargs: Any,
    ) -> None:
        self.cwd = cwd or str(Path.cwd())
        self.flow_file = str(Path(flow_file).absolute())
        self.show_output = show_output
        self.env_vars = {**os.environ, **(env or {})}
        if profile:
            self.env_vars["METAFLOW_PROFILE"] = profile
        self.file_read_timeout = file_read_timeout
        self.top_level_kwargs = kwargs
        self._processes: list[Process] = []
        command(self.flow_file)  # is there such a file?

    def __enter__(self) -> "Runner":
        return self

    async def __aenter__(self) -> "Runner":
        return self

    def __exit__(self, *raised: object) -> None:
        self.cleanup()

    async def __aexit__(self, *raised: object) -> None:
        self.cleanup()

    def run(self, **kwargs: Any) -> ExecutingRun:
        """Runs the flow to its end. Arguments: parameters of the flow and options of `run` (tags, max_workers, …).

        Raises RuntimeError when no run began. A run that fails does not raise: see status.
        """
        return self._run(["run"], kwargs)

    def resume(self, **kwargs: Any) -> ExecutingRun:
        """Resumes a run: origin_run_id, step_to_rerun, options of `resume`."""
        return self._run(_resume(kwargs), kwargs)

    def spin(self, pathspec: str, **kwargs: Any) -> ExecutingTask:
        """Runs one step again, here, on the inputs of a past task."""
        process = self._start(["spin", pathspec], kwargs, self.show_output)
        told = self._told(process)
        process.wait()
        return ExecutingTask(self, process, _spun(told))

    async def async_run(self, **kwargs: Any) -> ExecutingRun:
        """Returns as soon as the run has begun."""
        return await self._async_run(["run"], kwargs)

    async def async_resume(self, **kwargs: Any) -> ExecutingRun:
        return await self._async_run(_resume(kwargs), kwargs)

    async def async_spin(self, pathspec: str, **kwargs: Any) -> ExecutingTask:
        """Returns when the step is done."""
        process = self._start(["spin", pathspec], kwargs, False)
        told = await self._async_told(process)
        return ExecutingTask(self, process, _spun(told))

    def cleanup(self) -> None:
        """Removes the files that hold what its commands printed."""
        for process in self._processes:
            process.cleanup()

    def _run(self, words_of_command: list[str], options: dict[str, Any]) -> ExecutingRun:
        process = self._start(words_of_command, options, self.show_output)
        told = self._told(process)
        try:
            process.wait()
        except KeyboardInterrupt:
            process.stop()
            raise
        return ExecutingRun(self, process, _run_of(told))

    async def _async_run(self, words_of_command: list[str], options: dict[str, Any]) -> ExecutingRun:
        process = self._start(words_of_command, options, False)
        return ExecutingRun(self, process, _run_of(await self._async_told(process)))

    def _start(self, verb: list[str], options: dict[str, Any], show: bool) -> Process:
        told = f"--runner-attribute-file={{folder}}/{ATTRIBUTES}"
        line = [*command(self.flow_file), *words(self.top_level_kwargs), *verb, told, *words(options)]
        process = Process(line, env=self.env_vars, cwd=self.cwd, show=show)
        self._processes.append(process)
        return process

    def _told(self, process: Process) -> dict[str, Any]:
        until = time.monotonic() + self.file_read_timeout
        while (told := _read(process)) is None:
            self._check(process, until)
            time.sleep(LOOK)
        return told

    async def _async_told(self, process: Process) -> dict[str, Any]:
        until = time.monotonic() + self.file_read_timeout
        while (told := _read(process)) is None:
            self._check(process, until)
            await asyncio.sleep(LOOK)
        return told

    def _check(self, process: Process, until: float) -> None:
        if process.returncode is not None and _read(process) is None:
            said = process.output("stderr").strip() or process.output("stdout").strip()
            raise RuntimeError(f"`{' '.join(process.command)}` ended with {process.returncode}:\n{said}")
        if time.monotonic() > until:
            process.stop()
            raise TimeoutError(f"no run began within {self.file_read_timeout} seconds")


def _read(process: Process) -> dict[str, Any] | None:
    """What the command told about its run; None: nothing yet."""
    try:
        return json.loads((process.folder / ATTRIBUTES).read_text())
    except (ValueError, OSError):
        return None


def _resume(options: dict[str, Any]) -> list[str]:
    step = options.pop("step_to_rerun", None)
    return ["resume", step] if step else ["resume"]


def _run_of(told: dict[str, Any]) -> Run:
    return Run(f"{told['flow_name']}/{told['run_id']}", _namespace_check=False)


def _spun(told: dict[str, Any]) -> Task:
    """The task that a spin left in its folder."""
    from headwater.client import spins

    before, where = spins.root, told.get("metadata", "").removeprefix("spin@")
    pathspec = "/".join(told[name] for name in ("flow_name", "run_id", "step_name", "task_id"))
    if not where:
        raise RuntimeError("the spun step left nothing to see: it ran with persist=False")
    spins.inspect_spin(where)
    try:
        task = Task(pathspec, _namespace_check=False)
        assert task.artifacts is not None  # its values know their folder from now on
        return task
    finally:
        spins.root = before
