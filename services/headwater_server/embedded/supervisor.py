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
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from headwater_server import __version__
from headwater_server.embedded import postgres, stack
from headwater_server.embedded.processes import (
    Child,
    Errand,
    StartError,
    alive,
    await_ready,
    is_free,
    kill_group,
    stop_all,
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
        "--gpus", default="", help="GPUs that each worker gives to tasks: how many, or which (default: all there are)"
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port of the gateway (default: that of last time, else a free one)"
    )
    a = parser.parse_args(argv)
    if a.workers < 0 or a.slots < 1:
        parser.error(f"--workers {a.workers} --slots {a.slots}: give at least 0 workers and 1 slot")
    home = a.home.expanduser().resolve()
    return Options(home, a.split, a.workers, a.slots, a.port, gpus=_gpus(parser, a.gpus, a.workers)), a.detach


def _gpus(parser: argparse.ArgumentParser, text: str, workers: int) -> str:
    if text and not re.fullmatch(r"[\w:/-]+(,[\w:/-]+)*,?", text):
        parser.error(f'--gpus {text!r}: give a number of GPUs ("2") or a list of them ("0,2")')
    if text and workers > 1:
        parser.error(f"--gpus {text} --workers {workers}: every worker would give away the same GPUs; start one")
    return text


@contextlib.contextmanager
def only_one(options: Options) -> Iterator[None]:
    """One supervisor per home."""
    handle = os.open(options.state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + 0.5  # a client that looks whether we live holds it for a moment
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.01)
                continue
            os.close(handle)
            raise StartError(
                f"a stack runs already in {options.home}. `headwater status` tells about it, `headwater down` stops it."
            ) from None
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
        self._errands: list[Errand] = []
        self.started_at = datetime.datetime.now(datetime.UTC).isoformat()

    def start(self) -> None:
        """Everything side by side: services wait for the servers that they need."""
        options, made = self.options, self.made
        fresh = not _applied(options)
        servers = stack.servers(options, made)
        self._launch(servers)
        if fresh:
            self._errands.append(stack.provision(options, made))
        services = stack.services(options, made)
        if not fresh:
            self._launch(services)
        database = stack.database(options, made)  # runs initdb at the first start
        self._launch([database])
        if fresh:  # they would only have been in initdb's way
            self._launch(services)
        await_ready([*servers, database], _PATIENCE)
        if fresh:
            self._errands.append(stack.sync_uploads(options, made))
            for errand in self._errands:
                errand.finish(_PATIENCE)
        stack.await_platform(options, made, services, _PATIENCE)
        if fresh:
            write_private(options.state / "applied", _code_digest())
            self._errands.append(postgres.sync(options.state, options.logs))
        self.remember()

    def _launch(self, children: list[Child]) -> None:
        for child in children:
            child.start()
            self.children.append(child)
        write_private(self.options.state / "pids.json", json.dumps({c.name: c.pid for c in self.children}))

    def remember(self) -> None:
        write_private(self.options.state / "pids.json", json.dumps({c.name: c.pid for c in self.children}))
        stack.write_state(self.options, self.made, __version__, self.started_at, self.children)

    def watch(self) -> None:
        """Restarts what dies until a signal comes. A child that keeps dying is tried again every two seconds."""
        due: dict[str, float] = {}
        delay: dict[str, float] = {}
        while True:
            time.sleep(0.05)
            self._errands = [errand for errand in self._errands if errand.running()]
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
        for errand in self._errands:
            errand.stop()
        users = [c for c in self.children if c.name not in ("nats", "postgres", "s3")]
        stop_all(users, 0.7)
        stop_all([c for c in self.children if c not in users], 2.0)
        remove_sockets(self.made.ports)
        (self.options.state / "pids.json").unlink(missing_ok=True)


def _code_digest() -> str:
    """Of what provisioning follows from; computed without importing a database client."""
    import hashlib

    here = Path(__file__).parent
    files = [here / "grants.toml", here / "topology.py", here / "provision.py"]
    files += sorted(here.parent.glob("*/migrations/*.sql"))
    return hashlib.sha256(b"\0".join(f.name.encode() + f.read_bytes() for f in files)).hexdigest()


def _applied(options: Options) -> bool:
    """Has this version of the code been provisioned here, and do the stores exist that it was provisioned in?"""
    stores = (options.state / "nats/jetstream", options.state / "postgres/data", options.state / "s3/data")
    with contextlib.suppress(OSError):
        return (options.state / "applied").read_text() == _code_digest() and all(s.is_dir() for s in stores)
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
            where = f"http://127.0.0.1:{made.ports['http']} (state in {options.home})"
            hint = ". Ctrl-C stops it; `headwater up --detach` leaves it running." if sys.stdout.isatty() else ""
            print(f"Headwater is up: {where}{hint}", flush=True)
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
