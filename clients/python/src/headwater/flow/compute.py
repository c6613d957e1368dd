"""kubernetes and batch: what flows written for Metaflow say about machines, as far as it means something here.

CPUs, GPUs and memory become the step's resources, compute_pool its pool. All else is listed once at the start, so that
nobody believes it was done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headwater.errors import FlowError
from headwater.flow.declare import flow_decorator, step_decorator
from headwater.flow.options import ResourceRequest, StepOptions, options_of

# Arguments that change nothing when they have these values.
_NOTHING = (None, False, [], {}, "")


@step_decorator
def kubernetes(
    *,
    cpu: Any = None,
    memory: Any = None,
    disk: Any = None,
    gpu: Any = None,
    compute_pool: str | None = None,
    image: str | None = None,
    image_pull_policy: Any = None,
    image_pull_secrets: Any = None,
    service_account: Any = None,
    secrets: Any = None,
    node_selector: Any = None,
    namespace: Any = None,
    gpu_vendor: Any = None,
    tolerations: Any = None,
    labels: Any = None,
    annotations: Any = None,
    use_tmpfs: Any = None,
    tmpfs_tempdir: Any = None,
    tmpfs_size: Any = None,
    tmpfs_path: Any = None,
    persistent_volume_claims: Any = None,
    shared_memory: Any = None,
    port: Any = None,
    executable: Any = None,
    hostname_resolution_timeout: Any = None,
    qos: Any = None,
    extended_resources: Any = None,
    security_context: Any = None,
) -> Any:
    """Takes cpu, gpu, memory (MiB) and compute_pool from a step written for Kubernetes; the step runs on a worker."""
    given = {name: value for name, value in locals().items() if value not in _NOTHING}
    return _machine("kubernetes", given, compute_pool or "")


@step_decorator
def batch(
    *,
    cpu: Any = None,
    gpu: Any = None,
    memory: Any = None,
    image: str | None = None,
    queue: str | None = None,
    iam_role: Any = None,
    execution_role: Any = None,
    shared_memory: Any = None,
    max_swap: Any = None,
    swappiness: Any = None,
    aws_batch_tags: Any = None,
    use_tmpfs: Any = None,
    tmpfs_tempdir: Any = None,
    tmpfs_size: Any = None,
    tmpfs_path: Any = None,
    inferentia: Any = None,
    trainium: Any = None,
    efa: Any = None,
    ephemeral_storage: Any = None,
    host_volumes: Any = None,
    efs_volumes: Any = None,
    log_driver: Any = None,
    log_options: Any = None,
    privileged: Any = None,
    executable: Any = None,
) -> Any:
    """Takes cpu, gpu and memory (MiB) from a step written for AWS Batch; the step runs on a worker."""
    given = {name: value for name, value in locals().items() if value not in _NOTHING}
    return _machine("batch", given, "")


@flow_decorator
def airflow_external_task_sensor(**options: Any) -> Any:
    """Accepted for flows written for Airflow; nothing waits here."""
    return lambda cls: cls


@flow_decorator
def airflow_s3_key_sensor(**options: Any) -> Any:
    """Accepted for flows written for Airflow; nothing waits here."""
    return lambda cls: cls


def _machine(name: str, given: dict[str, Any], pool: str) -> Callable[[Any], Any]:
    asked = {key: _number(name, key, given[key]) for key in ("cpu", "gpu", "memory") if key in given}
    ignored = sorted(set(given) - {"cpu", "gpu", "memory", "compute_pool", "tmpfs_tempdir"})

    def decorate(function: Any) -> Any:
        options = options_of(function)
        if asked:
            options.resources = _larger(options, asked)
        if pool:
            options.pool = pool
        options.ignored[f"@{name}"] = ignored
        options.decorators.insert(0, name)
        return function

    return decorate


def _larger(options: StepOptions, asked: dict[str, float]) -> ResourceRequest:
    """As Metaflow does: the larger of what @resources and this decorator ask for."""
    there = options.resources or ResourceRequest(0, 0, 0)
    usual = ResourceRequest()
    cpu = max(there.cpu, asked.get("cpu", 0)) or usual.cpu
    memory = max(there.memory_mb, int(asked.get("memory", 0))) or usual.memory_mb
    return ResourceRequest(cpu, max(there.gpu, asked.get("gpu", 0)), memory, there.enforce)


def _number(decorator: str, name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if number < 0:
        raise FlowError(f"@{decorator}: {name}={value!r} is not a number from 0 up")
    return number


def sentences(named: dict[str, StepOptions]) -> list[str]:
    """What to say before a run about wishes that nothing acts on; one line for each kind of decorator."""
    wishes: dict[str, dict[str, None]] = {}
    for options in named.values():
        for decorator, ignored in options.ignored.items():
            wishes.setdefault(decorator, {}).update(dict.fromkeys(ignored))
    said: list[str] = []
    for decorator, ignored in wishes.items():
        more = f"; no effect here: {', '.join(ignored)}" if ignored else ""
        said.append(f"{decorator}: these steps run on the workers of their pool{more}.")
    return said
