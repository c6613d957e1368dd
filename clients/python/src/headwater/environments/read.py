"""What a stored lock says, for people and programs that look at a task afterwards."""

from __future__ import annotations

import json
from typing import Any


def info(environment: dict[str, Any]) -> dict[str, Any]:
    """type (pypi, conda or uv), python, lock (its digest) and packages (name → version) of scheduler.v1.Environment."""
    from headwater.artifacts import blobs

    lock = environment["lock"]
    body = json.loads(blobs.get(lock).read_bytes())
    return {
        "type": environment.get("kind", ""),
        "python": environment.get("python", ""),
        "lock": lock,
        "packages": body.get("packages", {}),
    }
