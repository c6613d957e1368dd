"""The lock of an environment: exact versions with their hashes, and the Python they are for. docs/formats.md has it.

Resolved once: what was asked for before gives the same lock again, on this machine from a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

from headwater.client.locate import home
from headwater.environments import uv
from headwater.environments.requirements import requirements
from headwater.errors import FlowError
from headwater.flow.packages import PackageSet

VERSION = 1
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)", re.MULTILINE)
_DIRECT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*@\s*(\S+)", re.MULTILINE)
# Settings of uv that change what it finds.
_SETTINGS = (
    "UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX_STRATEGY",
    "UV_PRERELEASE", "UV_RESOLUTION", "UV_EXCLUDE_NEWER", "UV_CONFIG_FILE",
)  # fmt: skip


class Lock(NamedTuple):
    """The bytes of a lock and what identifies it."""

    data: bytes
    digest: str
    python: str


def make(python: str, text: str) -> Lock:
    """A lock of resolved requirements."""
    found = {name.lower(): version for name, version in (*_DIRECT.findall(text), *_PINNED.findall(text))}
    body = {"v": VERSION, "python": python, "packages": found, "requirements": text}
    data = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return Lock(data, hashlib.sha256(data).hexdigest(), python)


def resolve(wanted: PackageSet) -> Lock:
    """The lock of a set of packages. Raises uv.CannotResolve, FlowError."""
    python = wanted.python or own_python()
    asked = requirements(wanted)
    if not asked:
        return make(python, "")
    kept = _kept(python, asked)
    try:
        return make(python, kept.read_text())
    except OSError:
        pass
    text = uv.run(
        "pip", "compile", "-", "--universal", "--generate-hashes", "--no-header", "--no-annotate", "--quiet",
        "--python-version", python, text="\n".join(asked) + "\n",
    )  # fmt: skip
    kept.parent.mkdir(parents=True, exist_ok=True)
    temporary = kept.with_name(f".{kept.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(kept)
    return make(python, text)


def of_project(flow_file: str) -> Lock:
    """The lock that uv.lock, in the folder of a flow or above it, stands for. Raises FlowError."""
    folder = Path(flow_file).resolve().parent
    root = next((each for each in (folder, *folder.parents) if (each / "uv.lock").is_file()), None)
    if root is None:
        raise FlowError(f"--environment uv: there is no uv.lock in {folder} or above it", hint="make one: uv lock")
    try:
        text = uv.run(
            "export", "--frozen", "--no-emit-workspace", "--no-header", "--no-annotate", "--quiet", "--no-dev",
            "--format", "requirements-txt", "--project", str(root),
        )  # fmt: skip
    except uv.CannotResolve as error:
        raise FlowError(f"--environment uv: {root / 'uv.lock'} cannot be used: {error.reason}") from None
    return make(own_python(), text)


def own_python() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def _kept(python: str, asked: list[str]) -> Path:
    settings = {name: os.environ[name] for name in _SETTINGS if name in os.environ}
    key = json.dumps([VERSION, python, asked, settings], sort_keys=True).encode()
    return home() / "cache" / "locks" / f"{hashlib.sha256(key).hexdigest()}.txt"
