"""Runs uv, which resolves packages. Which index it asks is a matter of uv's own settings; none is written here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from headwater.errors import FlowError
from headwater.flow.debugging import debug

LIMIT = 600


class CannotResolve(FlowError):
    """uv said no; `reason` is why, in its words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def find() -> str:
    """The path of uv. Raises FlowError when it is not installed."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        try:
            from uv import find_uv_bin  # pyright: ignore[reportMissingImports]

            return find_uv_bin()
        except (ImportError, FileNotFoundError):
            raise FlowError(
                "packages of steps are resolved by uv, which is not installed", hint="install it: pip install uv"
            ) from None
    return found


def run(*arguments: str, text: str = "") -> str:
    """What uv prints. Raises CannotResolve with its reason."""
    debug("conda", "uv", *arguments)
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
    environ.pop("VIRTUAL_ENV", None)
    try:
        done = subprocess.run(
            [find(), *arguments], input=text, capture_output=True, text=True, env=environ, timeout=LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        raise CannotResolve(f"uv did not come to an end within {LIMIT // 60} minutes") from None
    if done.returncode != 0:
        raise CannotResolve(reason(done.stderr))
    return done.stdout


def reason(stderr: str) -> str:
    """Why uv failed, without its decoration and warnings."""
    kept: list[str] = []
    warning = False
    for line in stderr.splitlines():
        text = line.strip().lstrip("×╰─▶│├ ").strip()
        if text.startswith("warning:"):
            warning = True
        elif text.startswith("error:") or not line.startswith(" "):
            warning = False
        if not text or warning:
            continue
        kept.append(text.removeprefix("error:").removeprefix("cause:").removeprefix("Caused by:").strip())
    said = [line for line in kept if not line.startswith("No solution found when resolving dependencies")]
    return " ".join(said or kept) or "uv failed without a word"
