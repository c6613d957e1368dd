"""Decorators of steps: retry, catch, timeout, resources, environment, secrets, command, pool.

They only record options (flow/options.py). The scheduler acts on retry and catch, the worker on the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from headwater.errors import FlowError
from headwater.flow.declare import step_decorator
from headwater.flow.options import Catch, CommandSpec, ResourceRequest, Retry, SecretSources, StepOptions, options_of

MAX_RETRIES = 100
# MiB with which a process can do anything at all.
LEAST_MEMORY = 16


def recording(name: str, record: Callable[[StepOptions], None]) -> Any:
    """What puts the options of a decorator on a step."""

    def decorate(target: Any) -> Any:
        if not callable(target) or isinstance(target, type):
            raise FlowError(f"@{name} is put on {target!r}. Fix: put it on a step, above or below @step")
        options = options_of(target)
        record(options)
        options.decorators.insert(0, name)
        return target

    return decorate


@step_decorator
def retry(
    *,
    times: int = 3,
    minutes_between_retries: float = 2,
    seconds_between_retries: float | None = None,
) -> Any:
    """Runs a failed step again, up to `times` more times, after a pause of minutes_between_retries (or seconds).

    @retry(times=2, seconds_between_retries=10)
    @step
    def train(self): ...
    """
    try:
        pause = seconds_between_retries
        delay = 60.0 * float(minutes_between_retries) if pause is None else float(pause)
        again = float(times)
    except (TypeError, ValueError):
        pauses = f"minutes_between_retries={minutes_between_retries!r}, {seconds_between_retries=!r}"
        raise FlowError(f"@retry: times={times!r}, {pauses} must be numbers") from None
    if not 0 <= again <= MAX_RETRIES or int(again) != again:
        raise FlowError(f"@retry: times={times!r} is not a whole number from 0 to {MAX_RETRIES}")
    if not 0 <= delay <= 7 * 86400:
        raise FlowError(f"@retry: a pause of {delay:g} seconds is not between 0 and 7 days")

    def record(options: StepOptions) -> None:
        options.retry = Retry(int(again), delay)

    return recording("retry", record)


@step_decorator
def catch(*, var: str | None = None, print_exception: bool = True) -> Any:
    """Lets the flow go on after a step failed for good. The exception goes into the artifact `var` (else None).

    @catch(var="problem")
    @step
    def train(self): ...
    """
    if var is not None and (not var.isidentifier() or var.startswith("_")):
        raise FlowError(f"@catch: var={var!r} is not a name an artifact can have")

    def record(options: StepOptions) -> None:
        options.catch = Catch(var, print_exception)

    return recording("catch", record)


@step_decorator
def timeout(*, seconds: float = 0, minutes: float = 0, hours: float = 0) -> Any:
    """Kills an attempt of the step that runs longer than seconds + minutes + hours; @retry and @catch then apply."""
    try:
        total = float(seconds) + 60.0 * float(minutes) + 3600.0 * float(hours)
    except (TypeError, ValueError):
        raise FlowError(f"@timeout: {seconds=}, {minutes=}, {hours=} must be numbers") from None
    if total <= 0:
        raise FlowError("@timeout needs a time greater than 0. Fix: @timeout(minutes=5)")

    def record(options: StepOptions) -> None:
        options.timeout_seconds = total

    return recording("timeout", record)


@step_decorator
def resources(
    *,
    cpu: float = 1,
    gpu: float | None = None,
    memory: float = 4096,
    disk: float | None = None,
    shared_memory: float | None = None,
    enforce: bool = False,
) -> Any:
    """What the step asks of a machine: CPUs, GPUs, memory in MiB.

    gpu: whole devices that no other task has meanwhile; they are all that CUDA_VISIBLE_DEVICES names.
    enforce: cpu and memory are hints unless this is set, or the worker runs with --enforce-limits. Then a worker that
    has the memory free takes the step, and one that uses more is killed, with all the processes it started: failure
    code OUT_OF_MEMORY, which @retry and @catch apply to.
    disk and shared_memory (MiB) are accepted for flows written for Metaflow and have no effect.

    @resources(memory=2000, cpu=2, enforce=True)
    @step
    def train(self): ...
    """
    try:
        request = ResourceRequest(float(cpu), float(gpu or 0), int(memory), bool(enforce))
    except (TypeError, ValueError):
        raise FlowError(f"@resources: cpu={cpu!r}, gpu={gpu!r}, memory={memory!r} must be numbers") from None
    if min(request) < 0:
        raise FlowError(f"@resources: cpu={cpu!r}, gpu={gpu!r}, memory={memory!r} must not be negative")
    if enforce and request.memory_mb < LEAST_MEMORY:
        raise FlowError(f"@resources: memory={memory!r} is too little to enforce; a step needs {LEAST_MEMORY} at least")

    def record(options: StepOptions) -> None:
        options.resources = request

    return recording("resources", record)


@step_decorator
def environment(*, vars: Mapping[str, Any] | None = None) -> Any:
    """Environment variables of the step: @environment(vars={"OMP_NUM_THREADS": "1"})."""
    if vars is not None and not isinstance(vars, Mapping):
        raise FlowError(f'@environment: vars={vars!r} is not a dict of names and values. Fix: vars={{"NAME": "value"}}')
    values = {str(name): str(value) for name, value in (vars or {}).items()}
    for name, value in values.items():
        if not name or "=" in name or "\0" in name + value:
            raise FlowError(f"@environment: {name!r} is not a name an environment variable can have")

    def record(options: StepOptions) -> None:
        options.environment.update(values)

    return recording("environment", record)


@step_decorator
def secrets(
    *, sources: list[str | dict[str, Any]] | None = None, role: str | None = None, allow_override: bool = False
) -> Any:
    """Environment variables of the step that no log shows: "inline.name", or
    {"type": "inline", "id": "db", "options": {"env_vars": {"DB_PASSWORD": "…"}}}.

    role: for back ends that have roles. allow_override: may replace variables that are set already.
    """
    wanted = SecretSources(tuple(sources or ()), role, bool(allow_override))

    def record(options: StepOptions) -> None:
        options.secrets = wanted

    return recording("secrets", record)


@step_decorator
def command(
    text: str,
    *,
    inputs: Mapping[str, str] | list[str] | tuple[str, ...] | None = None,
    outputs: Mapping[str, str] | list[str] | tuple[str, ...] | None = None,
) -> Any:
    """A step in any language: a shell command that does the work, before the body of the step runs.

    text: runs under `bash -c`; {name} becomes the quoted value of the parameter or artifact of that name.
    inputs: artifact name → file the command finds in $HW_INPUTS_DIR. outputs: artifact name → file it leaves in
    $HW_OUTPUTS_DIR, which becomes that artifact. A list of file names takes the part before the first dot as the name.
    A line of JSON numbers on stdout, {"loss": 0.1, "step": 3}, is logged as metrics.

        @command("Rscript fit.R --alpha {alpha}", inputs={"data": "data.csv"}, outputs={"model": "model.rds"})
        @step
        def fit(self):
            self.next(self.end)
    """
    if not isinstance(cast(object, text), str) or not text.strip():
        raise FlowError('@command needs the command as text. Fix: @command("./train.sh {alpha}")')
    spec = CommandSpec(text, _files("inputs", inputs), _files("outputs", outputs))

    def record(options: StepOptions) -> None:
        options.command = spec

    return recording("command", record)


@step_decorator
def pool(name: str) -> Any:
    """The pool of workers that may run the step: @pool("gpu")."""
    if not isinstance(cast(object, name), str) or not name.replace("-", "").replace("_", "").isalnum():
        raise FlowError(f"@pool: {name!r} is not a name of a pool (letters, digits, - and _)")

    def record(options: StepOptions) -> None:
        options.pool = name

    return recording("pool", record)


def _files(argument: str, files: Mapping[str, str] | list[str] | tuple[str, ...] | None) -> dict[str, str]:
    pairs = files or {}
    if not isinstance(pairs, Mapping):
        pairs = {path.rsplit("/", 1)[-1].split(".", 1)[0]: path for path in pairs}
    for name, path in pairs.items():
        if not name.isidentifier() or name.startswith("_"):
            raise FlowError(
                f"@command: {argument} names {name!r}, which no artifact can be called; use a dict of name → file"
            )
        parts = path.split("/")
        if not path or path.startswith("/") or ".." in parts or "\0" in path:
            raise FlowError(f"@command: {argument} file {path!r} must be a path inside the folder of the step")
    return dict(pairs)
