"""Which server to talk to: HEADWATER_URL and HEADWATER_TOKEN, else the stack of this machine, else none.

Reads the environment and $HEADWATER_HOME; starts a stack only when it is told to.
"""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.errors import NotReachable

DEFAULT_PROJECT = "default"


@dataclass(frozen=True)
class Server:
    """Address and credentials, and where they come from; `local`: a supervisor on this machine keeps it alive."""

    url: str
    token: str = field(repr=False)
    project: str
    origin: str
    token_origin: str
    local: bool = False


def home() -> Path:
    """$HEADWATER_HOME, by default ~/.headwater."""
    value = os.environ.get("HEADWATER_HOME")
    return Path(value).expanduser().absolute() if value else Path.home() / ".headwater"


def read_stack() -> dict[str, Any] | None:
    """stack.json of a stack whose supervisor is alive, else None."""
    try:
        stack = json.loads((home() / "stack.json").read_text())
        alive = bool(stack.get("url")) and _lives(int(stack["pid"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return stack if alive else None


def _lives(pid: int) -> bool:
    """A supervisor locks a file for as long as it lives. Its pid alone may be that of another process by now, or of one
    that was killed and that nobody has reaped."""
    try:
        import fcntl

        with (home() / "state" / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except (OSError, ImportError):  # a stack of another user, or none of ours
        pass
    try:
        os.kill(pid, 0)
    except PermissionError:  # it lives, as another user
        return True
    except ProcessLookupError:
        return False
    return True


def locate(*, start: bool = False) -> Server:
    """The server of this process. start: begin a stack on this machine when there is none. Raises NotReachable."""
    url = os.environ.get("HEADWATER_URL", "").strip().rstrip("/")
    project = os.environ.get("HEADWATER_PROJECT") or DEFAULT_PROJECT
    if url and not url.startswith(("http://", "https://")):
        raise NotReachable(f"HEADWATER_URL is {url!r}, which is no http:// or https:// address", field="HEADWATER_URL")
    stack = None if url and os.environ.get("HEADWATER_TOKEN") else read_stack()
    if not url and stack is None and start:
        stack = start_stack()
    if url:
        ours = stack is not None and str(stack["url"]).rstrip("/") == url
        token, token_origin = _token(file=ours)
        return Server(url, token, project, "HEADWATER_URL", token_origin, ours)
    if stack is None:
        raise NotReachable(
            f"no Headwater server is running: HEADWATER_URL is not set and {home()} has no running stack",
            hint="start one on this machine with `headwater up`, or set HEADWATER_URL and HEADWATER_TOKEN",
        )
    token, token_origin = _token(file=True)
    return Server(str(stack["url"]).rstrip("/"), token, project, str(home() / "stack.json"), token_origin, True)


def _token(*, file: bool) -> tuple[str, str]:
    if token := os.environ.get("HEADWATER_TOKEN", "").strip():
        return token, "HEADWATER_TOKEN"
    path = home() / "token"
    if not file:
        return "", ""
    try:
        return path.read_text().strip(), str(path)
    except OSError:
        return "", ""


def start_stack() -> dict[str, Any]:
    """Starts the embedded stack in the background and waits until it is ready. Says so on stderr."""
    import subprocess

    print("No Headwater server is running; starting one on this machine (`headwater down` stops it) …", file=sys.stderr)
    command = [sys.executable, "-m", "headwater_server", "up", "--detach"]
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    stack = read_stack()
    if done.returncode == 0 and stack is not None:
        return stack
    if "No module named headwater_server" in done.stderr:
        raise NotReachable(
            "no Headwater server is running, and this Python environment has none to start",
            hint="pip install headwater-server, or set HEADWATER_URL and HEADWATER_TOKEN",
        )
    last = done.stderr.strip().splitlines()
    raise NotReachable(
        f"the Headwater stack did not start: {last[-1] if last else f'exit status {done.returncode}'}",
        hint=f"look at the files in {home() / 'logs'}",
    )
