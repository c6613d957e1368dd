"""Environments of real clients, each made once per session, however many processes the tests run in."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PATIENCE = 600  # seconds, for a first download


def shared(folders: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this session see."""
    own = folders.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def interpreter(folders: pytest.TempPathFactory, name: str, lock: Path, system: str = "") -> Path:
    """The Python of an environment with what the lock says. Whoever comes first makes it; the others wait.

    system: an interpreter whose own packages it sees too.
    """
    folder = shared(folders) / f"venv-{name}"
    python, ready = folder / "bin" / "python", folder / ".ready"
    with open(folder.with_suffix(".turn"), "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not ready.exists():
            sees = ("--system-site-packages",) if system else ()
            _uv("venv", "-q", "--clear", *sees, "--python", system or sys.executable, folder)
            _uv("pip", "install", "-q", "--python", python, "--require-hashes", "-r", lock)
            ready.touch()
    return python


def _uv(*arguments: str | Path) -> None:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run([uv, *map(str, arguments)], check=True, env=environ, timeout=PATIENCE)
