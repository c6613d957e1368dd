"""Runs one step of a flow in this process: inputs, function, @timeout, @catch, artifacts.

Owns the meaning of a task; knows nothing of processes. The result is the message that the node agent gets.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from headwater.errors import ArtifactError, FlowError, StepTimeout
from headwater.flow.current import current
from headwater.flow.debugging import from_start
from headwater.flow.parameters import shown_otherwise, stored_with_tasks
from headwater.runtime import codec, command, failures, groups, manifest, memory, uses
from headwater.runtime.channel import Channel
from headwater.runtime.manifest import Manifest, Writer
from headwater.runtime.reads import WIDEST_JOIN, Reads, Watched, items, watch
from headwater.runtime.store import InputStore, JoinInputs
from headwater.runtime.task import Result, Task

_PAGE = 500


@dataclass
class Context:
    """Where a task runs: the flow's class, its way to the agent, and its directories."""

    flow_class: Any
    channel: Channel
    cwd: Path
    temp: Path
    out: Path
    # What the user's code may add to the memory of the process; 0: as much as there is.
    memory_mb: int = 0


class StepRun:
    """One task, from assignment to result."""

    def __init__(self, task: Task, context: Context) -> None:
        self.task = task
        self.context = context
        self.times: dict[str, float] = {}
        self.reads = Reads()
        watch(self.reads)
        uses.begin()
        current._on_ask = self.reads.ask
        self._joined: JoinInputs | None = None
        data = task.inputs[0].manifest if task.inputs and not task.joins else b""
        self.store = self._store(data, self.reads)
        self.flow = self._instance(self.store, task.frames)
        self.flow._is_join = bool(task.joins)
        self.secrets: list[str] = []  # values that no text of a failure may show

    def result(self) -> dict[str, Any]:
        """Runs the step. Never raises what user code raises."""
        cards = self._open_cards() if self.task.cards else None
        result = self._result()
        if cards is not None:
            cards.finish(result.get("failure"))
        return result

    def _open_cards(self) -> Any:
        """`current.card` of this task."""
        from headwater.cards.live import Cards

        cards = current._values["card"] = Cards(self.task.cards, self.task, self.flow, self.context.channel)
        return cards

    def _result(self) -> dict[str, Any]:
        task = self.task
        if task.caught is not None:
            return self._carry_out_catch(task.caught, None)
        try:
            from_start("MetaflowTask: finished input processing")
            self._call()
            from_start("MetaflowTask: step function executed")
            if task.catches and task.catch_var:
                setattr(self.flow, task.catch_var, None)
            return self._success(*self._transition())
        except BaseException as error:
            failure = self._describe(error)
            caught = task.catches and task.last_attempt
            if not caught or self._prints_caught():
                sys.stderr.write(failure["traceback"])
            if caught:
                return self._carry_out_catch(failure, error)
            return {"failure": failure}

    def _call(self) -> None:
        function = getattr(self.flow, self.task.key.step, None)
        if function is None:
            raise FlowError(f"flow {self.task.flow} has no step {self.task.key.step}")
        options = getattr(function, "__headwater_step__", None)
        arguments = [self._join_inputs()] if self.task.joins else []
        with _limit(self.task.timeout, self.task.key.step), memory.limited(self.context.memory_mb):
            self.times["user_start"] = time.time()
            try:
                if options is not None and options.secrets is not None:
                    from headwater.flow import secrets

                    self.secrets = secrets.apply(options.secrets)
                if options is not None and options.command is not None:
                    command.run(options.command, self.flow, self.store, self.context)
                if options is not None and options.wrappers:
                    self._call_wrapped(function, options.wrappers, arguments)
                else:
                    function(*arguments)
            finally:
                self.times["user_end"] = time.time()

    def _call_wrapped(self, function: Callable[..., Any], wrappers: list[Any], arguments: list[Any]) -> None:
        from headwater.flow import user_steps

        user_steps.call(self.flow, self.task.key.step, function, wrappers, arguments)

    def _describe(self, error: BaseException) -> dict[str, Any]:
        failure = failures.describe(error, self.task.key.step)
        if self.context.memory_mb and isinstance(error, MemoryError):
            failure = memory.explain(failure, self.task.key.step, self.context.memory_mb)
        if self.secrets:
            from headwater.flow.secrets import hidden

            failure = hidden(failure, self.secrets)
        return failure

    def _prints_caught(self) -> bool:
        options = getattr(getattr(self.context.flow_class, self.task.key.step, None), "__headwater_step__", None)
        return options is None or options.catch is None or options.catch.print_exception

    # Inputs

    def _store(self, data: bytes, reads: Reads | None = None) -> InputStore:
        return InputStore(data, self.context.channel.get_blob, self.context.temp / "files", reads)

    def _instance(self, store: InputStore, frames: tuple[Any, ...]) -> Any:
        flow = self.context.flow_class(use_cli=False)
        flow._store = store
        flow._frames = frames
        flow._next = None
        flow._step_name = self.task.key.step
        flow._load_input = _InputLoader(store, frames, self.reads)
        flow._set_parameters(self.task.parameters)
        flow._parameters = Watched(flow._parameters, self.reads)
        return flow

    def _join_inputs(self) -> JoinInputs:
        task = self.task
        given = list(task.inputs)

        def fetch(offset: int) -> list[Result]:
            return given[offset:] if given else self.context.channel.results(task.key, offset, _PAGE)

        self._joined = JoinInputs(len(given) or task.join_width, fetch, self._join_input)
        return self._joined

    def _join_input(self, result: Result, position: int) -> Any:
        store = self._store(result.manifest)
        frames = self.task.frames
        entry = store.manifest.foreach.get(self.task.joins)
        if entry is not None:
            width = len(self.task.inputs) or self.task.join_width
            frames = (*frames, (self.task.joins, entry.get("var", ""), result.key.index, width))
        return self._instance(store, frames)

    # Outputs

    def _transition(self) -> tuple[tuple[str, ...], Sized | None]:
        chosen = self.flow._next
        step = self.task.key.step
        if self.task.transition == "END":
            return (), None
        if chosen is None:
            raise FlowError(f"step {step} ended without self.next(...); call it as the last line of the step")
        if chosen.gang:
            return tuple(chosen.steps), range(chosen.gang)
        if chosen.foreach is None:
            return tuple(chosen.steps), None
        return tuple(chosen.steps), self._foreach_items(chosen.foreach)

    def _foreach_items(self, var: str) -> Sized:
        step = self.task.key.step
        try:
            items = getattr(self.flow, var)
        except AttributeError:
            raise FlowError(f"step {step}: self.next(..., foreach={var!r}), but there is no self.{var}") from None
        if not isinstance(items, (list, tuple)):
            try:
                items = list(items)
            except TypeError:
                kind = type(items).__name__
                raise FlowError(f"step {step}: foreach={var!r} needs an iterable, self.{var} is {kind}") from None
            setattr(self.flow, var, items)
        return items

    def _success(self, steps: tuple[str, ...], listed: Sized | None, caught: bool = False) -> dict[str, Any]:
        self.times["persist_start"] = time.time()
        writer = Writer(self.context.out)
        body = self._collect(writer, self.flow._next.foreach if listed is not None else None)
        if isinstance(listed, range):  # a gang: `self.input` of a member is its number
            body.foreach[self.task.key.step] = {**writer.add(list(listed)), "var": "_parallel_ubf_iter"}
        elif self.task.reuse and listed is not None:
            body.items = items(body.foreach[self.task.key.step], cast("list[Any]", listed))
        if not caught:  # another run may fail otherwise, or not at all
            body.reads = self.reads.to_json(self._inherited(), body.new)
        body.data = list(self.reads.data.values())
        body.uses = uses.noted()
        data = manifest.seal(body, writer)
        result: dict[str, Any] = {"manifest": data.decode(), "next": list(steps)}
        result["blobs"] = [[blob.digest, blob.size, blob.path] for blob in writer.blobs]
        if listed is not None:
            result["foreachWidth"] = len(listed)
        return result

    def _inherited(self) -> list[Manifest] | None:
        """The manifests that the task could read; None: they are many."""
        if not self.task.joins:
            return [self.store.manifest]
        if self._joined is None or len(self._joined) > WIDEST_JOIN:
            return None
        return self._joined.manifests()

    def _collect(self, writer: Writer, foreach: str | None) -> Manifest:
        inherited = Manifest() if self.task.joins else self.store.manifest
        artifacts = dict(inherited.artifacts)
        for name in self.store.names():
            artifacts[name] = self.store.entry(name)
        body = Manifest(
            artifacts, [], {k: v for k, v in inherited.foreach.items() if k in {f[0] for f in self.task.frames}}
        )
        for name, value in _assigned(self.flow):
            entry = self._entry(writer, name, value)
            if name not in inherited.artifacts or not manifest.same(entry, inherited.artifacts[name]):
                artifacts[name] = entry
                body.new.append(name)
            else:  # it is as it was: with other inputs the task would have changed it
                self.reads.artifact(name, inherited.artifacts[name])
        otherwise = shown_otherwise(self.flow, self.task.parameters)
        for name in dict.fromkeys([*stored_with_tasks(type(self.flow)), *otherwise]):
            if name not in artifacts:
                artifacts[name] = self._entry(writer, name, _plain(getattr(self.flow, name)))
                body.new.append(name)
        if foreach is not None:
            body.foreach[self.task.key.step] = {**artifacts[foreach], "var": foreach}
            self._group(writer, body.foreach[self.task.key.step], getattr(self.flow, foreach))
        return body

    def _group(self, writer: Writer, entry: manifest.Entry, listed: Sequence[Any]) -> None:
        """Adds the groups of a long list, so that no task has to read all of it for its own item."""
        if len(listed) >= groups.SHORTEST and entry["encoding"] == "pickle5":
            data = groups.write(listed, int(entry["size"]))
            if data is not None:
                entry["groups"] = writer.add_bytes(data).digest

    def _entry(self, writer: Writer, name: str, value: Any) -> manifest.Entry:
        kept = self.store.unchanged(name, value)
        if kept is not None:
            return kept
        try:
            if isinstance(value, command.OutputFile):
                return writer.add_file(value, value.name)
            return writer.add(value)
        except codec.Unpicklable as error:
            step = self.task.key.step
            raise ArtifactError(
                f"self.{name}{error.path} of step {step} cannot be stored: {error.reason}",
                name=name,
                step=step,
                path=error.path,
            ) from TypeError(error.reason)
        except OSError as error:
            raise ArtifactError(
                f"self.{name} of step {self.task.key.step} cannot be written: {error}", name=name
            ) from error

    def _carry_out_catch(self, failure: dict[str, Any], error: BaseException | None) -> dict[str, Any]:
        """The step counts as done: its variable holds the failure, and the flow goes on as the graph says."""
        task = self.task
        if task.catch_var:
            keep = error if isinstance(error, Exception) and _storable(error) else None
            setattr(self.flow, task.catch_var, failures.caught(failure, keep))
        self.flow._next = None
        try:
            result = self._success(task.next, None, caught=True)
        except ArtifactError as problem:
            return {"failure": failures.describe(problem, task.key.step)}
        result["caught"] = failure
        return result


def _plain(value: Any) -> Any:
    """Configs are stored as the dictionaries they are."""
    return value.to_dict() if type(value).__name__ == "ConfigValue" else value


def _assigned(flow: Any) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in list(vars(flow).items()) if not name.startswith("_"))


class _InputLoader:
    """Reads self.input when it is asked for: one item of the list that the innermost foreach was given."""

    def __init__(self, store: InputStore, frames: tuple[Any, ...], reads: Reads) -> None:
        self._store, self._frames, self._reads = store, frames, reads

    def __call__(self) -> Any:
        if not self._frames:
            return None
        entry = self._entry()
        item = self._store.item(entry, self._frames[-1][2])
        self._reads.foreach(entry, item)
        return item

    def whole(self) -> None:
        """The length of the list was asked for too."""
        self._reads.whole_list(self._entry())

    def _entry(self) -> manifest.Entry:
        step, var, *_ = self._frames[-1]
        return self._store.manifest.foreach.get(step) or self._store.entry(var)


def _storable(error: BaseException) -> bool:
    try:
        codec.encode(error)
    except codec.Unpicklable:
        return False
    return True


@contextmanager
def _limit(seconds: float, step: str) -> Iterator[None]:
    """Raises StepTimeout in the user's code once its time is over."""
    if seconds <= 0:
        yield
        return

    def expire(signum: int, frame: Any) -> None:
        raise StepTimeout(f"step {step} took longer than its @timeout of {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
