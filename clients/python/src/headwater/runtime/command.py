"""Steps that are a shell command, in any language: placeholders, input and output files, metrics from stdout.

The command runs under `bash -c` in the task's directory. HW_INPUTS_DIR holds the files it was promised; what it leaves
in HW_OUTPUTS_DIR under a declared name becomes an artifact. A stdout line that is a JSON object of numbers is a point.
"""

import json
import math
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.errors import ArtifactError
from headwater.runtime.failures import CommandFailed

if TYPE_CHECKING:
    from headwater.flow.options import CommandSpec
    from headwater.runtime.execute import Context
    from headwater.runtime.store import InputStore

# ${HOME} belongs to the shell, {alpha} to us.
_PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Za-z_]\w*(?:\.\w+)*)\}")


class OutputFile(type(Path())):
    """A file or a folder on its way to becoming an artifact."""


def run(spec: "CommandSpec", flow: Any, store: "InputStore", context: "Context") -> None:
    """Runs the command; its output files become attributes of the flow. Raises CommandFailed, ArtifactError."""
    inputs, outputs = context.out / "inputs", context.out / "outputs"
    inputs.mkdir(parents=True)
    outputs.mkdir()
    for name, filename in spec.inputs.items():
        _provide(flow, name, _inside(inputs, filename))
    text = fill(spec.command, lambda name: _lookup(flow, store, name))
    status = _execute(text, {**os.environ, "HW_INPUTS_DIR": str(inputs), "HW_OUTPUTS_DIR": str(outputs)}, context)
    if status != 0:
        raise CommandFailed(status)
    for name, filename in spec.outputs.items():
        path = _inside(outputs, filename)
        if not (path.is_file() or path.is_dir()):
            there = (
                ", ".join(sorted(str(p.relative_to(outputs)) for p in outputs.rglob("*") if p.is_file())) or "nothing"
            )
            raise ArtifactError(
                f"the command left no file {filename!r} for artifact {name!r} in $HW_OUTPUTS_DIR, but: {there}",
                name=name,
            )
        setattr(flow, name, OutputFile(path))


def fill(text: str, lookup: Any) -> str:
    """Puts quoted values in place of {name}; where lookup raises KeyError the name is not ours, and stays as it is."""

    def value(match: re.Match[str]) -> str:
        try:
            import shlex

            return shlex.quote(as_text(lookup(match.group(1))))
        except KeyError:
            return match.group(0)

    return _PLACEHOLDER.sub(value, text)


def as_text(value: Any) -> str:
    """A value as one word of a command line: text as it is, true/false, lists and dicts as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, default=str)
    return str(value)


def metric_points(line: str, timestamp_ms: int) -> list[dict[str, Any]]:
    """Points of a line like {"loss": 0.1, "step": 3}; none when the line is anything else."""
    line = line.strip()
    if not (line.startswith("{") and line.endswith("}")):
        return []
    try:
        body = json.loads(line)
    except ValueError:
        return []
    if not body or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in body.values()):
        return []
    step = body.pop("step", 0)
    if not math.isfinite(step):
        return []
    return [{"key": key, "value": float(v), "step": int(step), "timestampMs": timestamp_ms} for key, v in body.items()]


def _lookup(flow: Any, store: "InputStore", name: str) -> Any:
    first, *rest = name.split(".")
    if first in ("input", "index"):
        value = getattr(flow, first)
    elif first in flow._parameters:
        value = flow._parameters[first]
    elif first in vars(flow) or first in store.names():
        value = getattr(flow, first)
    else:
        store.load(first)  # KeyError, and a note that it was looked for
        raise KeyError(name)
    for part in rest:
        if not isinstance(value, dict) or part not in value:
            raise KeyError(name)
        value = value[part]
    return value


def _inside(directory: Path, filename: str) -> Path:
    path = Path(os.path.normpath(directory / filename))
    if directory not in path.parents:
        raise ArtifactError(f"{filename!r} leads out of the directory of the task; use a relative path")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _provide(flow: Any, name: str, path: Path) -> None:
    try:
        value = getattr(flow, name)
    except AttributeError as error:
        raise ArtifactError(f"the command needs artifact {name!r}: {error}", name=name) from None
    if isinstance(value, Path):
        path.symlink_to(value.absolute())
    elif isinstance(value, (bytes, bytearray)):
        path.write_bytes(value)
    elif isinstance(value, str):
        path.write_text(value)
    else:
        try:
            path.write_text(json.dumps(value))
        except TypeError:
            kind = type(value).__name__
            raise ArtifactError(
                f"artifact {name!r} ({kind}) cannot be given to a command: make it text, bytes, a file or JSON",
                name=name,
            ) from None


def _execute(text: str, environment: dict[str, str], context: "Context") -> int:
    import shutil
    import subprocess

    shell = shutil.which("bash") or "/bin/sh"
    sys.stdout.flush()
    process = subprocess.Popen([shell, "-c", text], stdout=subprocess.PIPE, cwd=context.cwd, env=environment)
    assert process.stdout is not None
    try:
        for raw in process.stdout:
            os.write(1, raw)
            points = metric_points(raw.decode("utf-8", "replace"), int(time.time() * 1000))
            if points:
                context.channel.send_metrics(points)
        return process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
