"""`python -m headwater_server up`: starts the embedded stack, keeps it alive, stops it.

Lean on purpose: imports no client of any server. Whatever dies is started again, after a growing pause.
"""

import argparse
import contextlib
import datetime
import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from headwater_server import __version__
from headwater_server.embedded import stack
from headwater_server.embedded.processes import (
    Child,
    StartError,
    alive,
    await_ready,
    die_with_parent,
    is_free,
    kill_group,
    stop_all,
    tail,
)
from headwater_server.embedded.seaweedfs import remove_sockets
from headwater_server.embedded.secrets_file import PORTS, Secrets, choose_ports, load_or_make, write_private
from headwater_server.embedded.stack import Options

_PATIENCE = 60.0


class Stopped(Exception):
    """A signal asked us to stop."""


def parse(argv: list[str]) -> tuple[Options, bool]:
    parser = argparse.ArgumentParser(prog="headwater up", description="Start the embedded platform on this machine.")
    parser.add_argument(
        "--home",
        type=Path,
        default=Path(os.environ.get("HEADWATER_HOME") or Path.home() / ".headwater"),
        help="folder of its state",
    )
    parser.add_argument("--detach", action="store_true", help="return when it is ready, and leave it running")
    parser.add_argument("--split", action="store_true", help="a process per service instead of one for all")
    parser.add_argument("--workers", type=int, default=1, help="node agents to start (default 1)")
    parser.add_argument(
        "--slots", type=int, default=max(2, os.cpu_count() or 2), help="tasks at a time per worker (default: the cores)"
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port of the gateway (default: that of last time, else a free one)"
    )
    a = parser.parse_args(argv)
    if a.workers < 0 or a.slots < 1:
        parser.error(f"--workers {a.workers} --slots {a.slots}: give at least 0 workers and 1 slot")
    return Options(a.home.expanduser().resolve(), a.split, a.workers, a.slots, a.port), a.detach


@contextlib.contextmanager
def only_one(options: Options) -> Iterator[None]:
    """One supervisor per home."""
    handle = os.open(options.state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise StartError(
                f"a stack runs already in {options.home}. `headwater status` tells about it, `headwater down` stops it."
            ) from None
        raise
    os.ftruncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())  # for `headwater down` while we are still starting
    try:
        yield
    finally:
        os.close(handle)


def clear_leftovers(options: Options) -> None:
    """Ends what a supervisor that was killed left behind (where the kernel did not), and forgets its state file."""
    pids = options.state / "pids.json"
    with contextlib.suppress(OSError, ValueError):
        for name, pid in json.loads(pids.read_text()).items():
            if alive(pid) and _ours(pid, options):
                print(f"ending a leftover {name} (pid {pid})", file=sys.stderr)
                kill_group(pid)
    (options.home / "stack.json").unlink(missing_ok=True)


def _ours(pid: int, options: Options) -> bool:
    """Does this process belong to this home? A pid may have been given to another process meanwhile, even to one of
    another stack; ours name the home in their arguments or their environment."""
    places = [str(options.home).encode(), str((options.state / "postgres").resolve()).encode()]
    if Path("/proc/self").exists():
        try:
            text = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False
    else:
        text = subprocess.run(["ps", "-wwE", "-o", "command=", "-p", str(pid)], capture_output=True).stdout
    return any(place in text for place in places)


class Supervisor:
    def __init__(self, options: Options, made: Secrets) -> None:
        self.options, self.made = options, made
        self.children: list[Child] = []
        self._apply: subprocess.Popen[bytes] | None = None
        self.started_at = datetime.datetime.now(datetime.UTC).isoformat()

    def start(self) -> None:
        servers = stack.servers(self.options, self.made)
        self._launch(servers)
        self._apply = self._apply_if_needed()
        services = stack.services(self.options, self.made)
        self._launch(services)
        database = stack.database(self.options, self.made)
        self._launch([database])
        await_ready([*servers, database], _PATIENCE)
        if self._apply is not None:
            self._finish(self._apply)
        stack.await_platform(self.options, self.made, services, _PATIENCE)
        self.remember()

    def _launch(self, children: list[Child]) -> None:
        for child in children:
            child.start()
            self.children.append(child)
        write_private(self.options.state / "pids.json", json.dumps({c.name: c.pid for c in self.children}))

    def _apply_if_needed(self) -> "subprocess.Popen[bytes] | None":
        """Provisioning runs beside the starting servers, and only when the code's version of it is new here."""
        if _applied(self.options):
            return None
        with (self.options.logs / "apply.log").open("ab") as out:
            command = [sys.executable, "-m", "headwater_server", "admin", "apply"]
            env = stack.apply_env(self.made, self.options)
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd="/", preexec_fn=die_with_parent
            )

    def _finish(self, apply: "subprocess.Popen[bytes]") -> None:
        if apply.wait(_PATIENCE) != 0:
            raise StartError(f"provisioning failed. Its log ends:\n{tail(self.options.logs / 'apply.log')}")
        stack.sync_uploads(self.options, self.made)
        write_private(self.options.state / "applied", _code_digest())

    def remember(self) -> None:
        write_private(self.options.state / "pids.json", json.dumps({c.name: c.pid for c in self.children}))
        stack.write_state(self.options, self.made, __version__, self.started_at, self.children)

    def watch(self) -> None:
        """Restarts what dies until a signal comes. A child that keeps dying is tried again every two seconds."""
        due: dict[str, float] = {}
        delay: dict[str, float] = {}
        while True:
            time.sleep(0.05)
            for child in self.children:
                if child.died() is None:
                    continue
                now = time.monotonic()
                if child.name not in due:
                    delay[child.name] = min(2.0, delay.get(child.name, 0.05) * 2)
                    due[child.name] = now + delay[child.name]
                    print(
                        f"{child.name} (pid {child.pid}) ended with status {child.died()}; starting it again",
                        file=sys.stderr,
                        flush=True,
                    )
                elif now >= due[child.name]:
                    del due[child.name]
                    kill_group(child.pid)
                    child.start()
                    self.remember()

    def stop(self) -> None:
        (self.options.home / "stack.json").unlink(missing_ok=True)
        if self._apply is not None and self._apply.poll() is None:
            self._apply.kill()
        users = [c for c in self.children if c.name not in ("nats", "postgres", "s3")]
        stop_all(users, 0.7)
        stop_all([c for c in self.children if c not in users], 2.0)
        remove_sockets(self.made.ports)
        (self.options.state / "pids.json").unlink(missing_ok=True)


def _code_digest() -> str:
    """Of the grants and migrations on disk; computed without importing a database client."""
    import hashlib

    root = Path(__file__).parent.parent
    files = [Path(__file__).parent / "grants.toml", *sorted(root.glob("*/migrations/*.sql"))]
    return hashlib.sha256(b"\0".join(f.name.encode() + f.read_bytes() for f in files)).hexdigest()


def _applied(options: Options) -> bool:
    with contextlib.suppress(OSError):
        return (options.state / "applied").read_text() == _code_digest()
    return False


def _on_signal(number: int, _: object) -> None:
    raise Stopped


def run(options: Options) -> int:
    """Runs the stack in this process until a signal."""
    stack.make_folders(options)
    with only_one(options):
        clear_leftovers(options)
        secrets_path = options.state / "secrets.json"
        made = load_or_make(secrets_path, options.creds)
        if options.port and not is_free(options.port):
            raise StartError(f"port {options.port} is taken. Give another one with --port.")
        extra = tuple(f"grpc_{s}" for s in stack.SERVICES) if options.split else ()
        choose_ports(made, {"http": options.port} if options.port else {}, (*PORTS, *extra))
        made.save(secrets_path)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _on_signal)
        supervisor = Supervisor(options, made)
        try:
            supervisor.start()
            print(f"Headwater is up: http://127.0.0.1:{made.ports['http']} (state in {options.home})", flush=True)
            supervisor.watch()
        except Stopped:
            pass
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            supervisor.stop()
    return 0


def detach(options: Options, argv: list[str]) -> int:
    """Starts the stack in a process of its own and returns when it is ready."""
    stack.make_folders(options)
    log = options.logs / "supervisor.log"
    command = [
        sys.executable,
        "-m",
        "headwater_server",
        "up",
        *(a for a in argv if a != "--detach"),
        "--home",
        str(options.home),
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd="/"
        )
    state = options.home / "stack.json"
    while True:
        if process.poll() is not None:
            print(
                log.read_text(errors="replace").strip() or f"the supervisor ended with status {process.returncode}",
                file=sys.stderr,
            )
            return process.returncode or 1
        with contextlib.suppress(OSError, ValueError):
            if json.loads(state.read_text()).get("pid") == process.pid:
                print(json.loads(state.read_text())["url"])
                return 0
        time.sleep(0.01)


def main(argv: list[str]) -> int:
    options, detached = parse(argv)
    try:
        return detach(options, argv) if detached else run(options)
    except StartError as error:
        print(f"headwater up: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        hint = " The disk is full: free some space." if error.errno == errno.ENOSPC else ""
        print(f"headwater up: {error}.{hint}", file=sys.stderr)
        return 1
