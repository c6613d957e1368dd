"""Finds an interpreter of a version among those of the node. Each candidate is asked itself: shims may lead nowhere."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path


def find(version: str, preferred: Iterable[str] = ()) -> str | None:
    """The path of a Python whose version begins with the numbers of `version` ("3.12", "3.12.1"), or None."""
    wanted = tuple(int(part) for part in version.split("."))
    for path in dict.fromkeys(_candidates(version, preferred)):
        if os.access(path, os.X_OK) and _version(path)[: len(wanted)] == wanted:
            return path
    return None


def _candidates(version: str, preferred: Iterable[str]) -> Iterator[str]:
    minor = ".".join(version.split(".")[:2])
    yield from (path for path in preferred if path and Path(path).is_absolute())
    yield sys.executable
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if folder:
            yield from (f"{folder}/python{minor}", f"{folder}/python3")
    for root in (os.environ.get("PYENV_ROOT") or "~/.pyenv", os.environ.get("UV_PYTHON_INSTALL_DIR") or _UV):
        base = Path(root).expanduser()
        with suppress(OSError):
            for home in sorted((base / "versions" if (base / "versions").is_dir() else base).iterdir(), reverse=True):
                yield str(home / "bin" / "python3")


_UV = "~/.local/share/uv/python"


@cache
def _version(path: str) -> tuple[int, ...]:
    try:
        done = subprocess.run(
            [path, "-I", "-c", "import sys; print(*sys.version_info[:3])"],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        return tuple(int(part) for part in done.stdout.split()) if done.returncode == 0 else ()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ()
