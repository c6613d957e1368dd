"""The commands of the platform on this machine: up, down, status, logs, reset, env.

They start and stop `python -m headwater_server up` and read what it leaves in $HEADWATER_HOME; no server is imported.
"""

import contextlib
import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from headwater.cli.stack_processes import describe, is_alive, versions
from headwater.client.locate import home, read_stack, start_stack

_STOP_PATIENCE = 10.0
# What a stack writes into its home; `reset` deletes nothing else.
OWNED = ("stack.json", "token", "state", "logs", "creds", "cache")
_ADDRESSES = ("url", "grpc", "nats_url", "s3_endpoint", "postgres_port")


class NotRunning(click.ClickException):
    """Nothing to talk to; exit status 3."""

    exit_code = 3


def ensure_up() -> dict[str, Any]:
    """The running stack of this machine; starts one, and says so on stderr, when there is none."""
    return read_stack() or start_stack()


def require_stack() -> dict[str, Any]:
    """The running stack. Raises NotRunning."""
    stack = read_stack()
    if stack is None:
        hint = "`headwater up --detach` starts one" if home().exists() else "it does not exist; check HEADWATER_HOME"
        raise NotRunning(f"no stack is running in {home()}: {hint}.")
    return stack


def _say(text: str, data: dict[str, Any], as_json: bool) -> None:
    click.echo(json.dumps(data) if as_json else text)


@click.command()
@click.option("--detach", "-d", is_flag=True, help="Return when it is ready, and leave it running.")
@click.option("--split", is_flag=True, help="A process per service instead of one for all.")
@click.option("--workers", type=click.IntRange(0, 64), default=None, help="Node agents to start; by default 1.")
@click.option(
    "--slots", type=click.IntRange(1, 1024), default=None, help="Tasks at a time per worker; by default the cores."
)
@click.option("--gpus", default=None, help="GPUs to give to tasks: how many, or which (0,2); by default all there are.")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Port of the gateway; by default a free one.")
@click.option("--json", "as_json", is_flag=True, help="Print the state as JSON (with --detach).")
def up(
    detach: bool,
    split: bool,
    workers: int | None,
    slots: int | None,
    gpus: str | None,
    port: int | None,
    as_json: bool,
) -> None:
    """Start the platform on this machine: NATS, Postgres, S3, all services and a worker."""
    if detach and (stack := read_stack()):
        _say(f"Headwater is up already: {stack['url']}", stack, as_json)
        return
    if home().exists() and not home().is_dir():
        raise click.ClickException(f"HEADWATER_HOME is {home()}, which is not a folder.")
    if importlib.util.find_spec("headwater_server") is None:
        raise click.ClickException(
            "this Python environment has no Headwater server. `pip install headwater-server` brings it (Linux, macOS)."
        )
    command = [sys.executable, "-m", "headwater_server", "up", *(["--split"] if split else [])]
    for name, value in (("--workers", workers), ("--slots", slots), ("--gpus", gpus), ("--port", port)):
        command += [name, str(value)] if value is not None else []
    if not detach:
        os.execv(sys.executable, command)
    done = subprocess.run([*command, "--detach"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    stack = read_stack()
    if done.returncode or stack is None:
        raise click.exceptions.Exit(done.returncode or 1)
    _say(f"Headwater is up: {stack['url']} (state in {home()}). `headwater down` stops it.", stack, as_json)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def down(as_json: bool) -> None:
    """Stop the platform on this machine. What it stored stays."""
    began = time.monotonic()
    pid = _supervisor() or int(require_stack()["pid"])
    _stop(pid)
    seconds = round(time.monotonic() - began, 2)
    _say(f"Headwater is down ({seconds:.1f} s).", {"stopped": True, "seconds": seconds}, as_json)


def _supervisor() -> int:
    """pid of the supervisor of this home, also while it is starting or stopping; 0 when none runs."""
    import fcntl

    try:
        with (home() / "state" / "lock").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(lock.read() or 0)
    except (OSError, ValueError):
        pass
    return 0


def _stop(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError:
        raise click.ClickException(f"the stack (pid {pid}) belongs to another user; stop it as that user.") from None
    except ProcessLookupError:
        return
    deadline = time.monotonic() + _STOP_PATIENCE
    while is_alive(pid):
        if time.monotonic() > deadline:
            raise click.ClickException(f"the supervisor (pid {pid}) does not stop; see {home() / 'logs'}.")
        time.sleep(0.01)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show the processes of the platform on this machine, their memory, addresses and versions."""
    stack = require_stack()
    rows = describe(stack)
    total = round(sum(row["memoryMb"] for row in rows), 1)
    addresses = {
        name: stack[name] for name in ("url", "grpc", "nats_url", "s3_endpoint", "postgres_port") if name in stack
    }
    if as_json:
        told = {"home": str(home()), "startedAt": stack.get("started_at"), "memoryMb": total, "processes": rows}
        click.echo(json.dumps({**told, **addresses, "versions": versions()}))
        return
    width = max(len(row["name"]) for row in rows)
    click.echo(f"Headwater {stack.get('version', '')} in {home()}, since {stack.get('started_at', '?')}\n")
    for row in rows:
        again = f"  restarted {row['restarts']} ×" if row["restarts"] else ""
        state = f"{row['memoryMb']:7.1f} MB" if row["alive"] else "  down, restarting"
        click.echo(f"  {row['name']:<{width}}  pid {row['pid']:<8}{state}{again}")
    click.echo(f"  {'':<{width}}  {'in all':<12}{total:7.1f} MB\n")
    for name, value in addresses.items():
        click.echo(f"  {name:<14}{value}")
    click.echo("\n  " + " · ".join(f"{name} {version}" for name, version in versions().items()))


@click.command("logs")
@click.argument("name", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on; Ctrl-C ends it.")
@click.option("--lines", "-n", type=click.IntRange(0), default=50, show_default=True, help="Lines from the end.")
def logs(name: str | None, follow: bool, lines: int) -> None:
    """Show the log files of the platform's processes: of NAME (nats, postgres, s3, all, worker …) or of all."""
    show_logs(name, follow=follow, lines=lines)


def log_names() -> list[str]:
    """Names that `logs` knows in this home."""
    return sorted(file.stem for file in (home() / "logs").glob("*.log"))


def show_logs(name: str | None, *, follow: bool = False, lines: int = 50) -> None:
    """Prints the end of one log file or of all, which then prefix their lines. Raises click.ClickException."""
    known = log_names()
    if not known:
        raise NotRunning(f"{home()} has no logs: no stack has been started there.")
    if name is not None and name not in known:
        raise click.ClickException(f"no part of the stack is called {name!r}; there are {', '.join(known)}.")
    files = {part: home() / "logs" / f"{part}.log" for part in ([name] if name else known)}
    offsets: dict[str, int] = {}
    for part, file in files.items():
        text = file.read_bytes()
        offsets[part] = len(text)
        for line in text.decode(errors="replace").splitlines()[-lines:] if lines else []:
            click.echo(_line(part, line, len(files)))
    if follow:
        with contextlib.suppress(KeyboardInterrupt):
            for part, line in _follow(files, offsets):
                click.echo(_line(part, line, len(files)))


def _line(part: str, line: str, parts: int) -> str:
    return f"{part:<10} | {line}" if parts > 1 else line


def _follow(files: dict[str, Path], offsets: dict[str, int]) -> Iterator[tuple[str, str]]:
    rest = dict.fromkeys(files, b"")
    while True:
        for part, file in files.items():
            with contextlib.suppress(OSError), file.open("rb") as source:
                if file.stat().st_size < offsets[part]:  # begun anew
                    offsets[part], rest[part] = 0, b""
                source.seek(offsets[part])
                new = source.read()
                offsets[part] += len(new)
                *whole, rest[part] = (rest[part] + new).split(b"\n")
                for line in whole:
                    yield part, line.decode(errors="replace")
        time.sleep(0.1)


@click.command()
@click.option("--yes", is_flag=True, help="Really delete.")
def reset(yes: bool) -> None:
    """Stop the platform on this machine and delete everything that it stored: runs, models, artifacts, logs."""
    place = home()
    if not (place / "state" / "secrets.json").is_file():
        raise NotRunning(f"{place} holds no stack: nothing to delete. Is HEADWATER_HOME right?")
    if not yes:
        raise click.ClickException(f"this deletes every run, model and artifact in {place}. Add --yes.")
    if pid := _supervisor():
        _stop(pid)
    database = place / "state" / "postgres"
    if database.is_symlink() and database.resolve().name.startswith("headwater-"):
        shutil.rmtree(database.resolve(), ignore_errors=True)
    for name in OWNED:
        path = place / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        place.rmdir()
    click.echo(f"{place} is empty.")


def environment(stack: dict[str, Any]) -> dict[str, str]:
    """The variables that connect clients of Headwater, MLflow, Metaflow, S3 and NATS to this stack."""
    place = home()
    token = (place / "token").read_text().strip()
    project = os.environ.get("HEADWATER_PROJECT") or "default"
    values = {
        "HEADWATER_URL": stack["url"],
        "HEADWATER_TOKEN": token,
        "HEADWATER_PROJECT": project,
        "MLFLOW_TRACKING_URI": stack["url"],
        "MLFLOW_TRACKING_TOKEN": token,
        "METAFLOW_DEFAULT_METADATA": "service",
        "METAFLOW_SERVICE_URL": f"{stack['url']}/metaflow",
        "METAFLOW_SERVICE_HEADERS": json.dumps({"Authorization": f"Bearer {token}", "X-Headwater-Project": project}),
        "NATS_URL": stack["nats_url"],
        "NATS_NKEY": str(place / "creds" / "publisher-default.nk"),
    }
    with contextlib.suppress(OSError, ValueError, KeyError):
        access, secret = json.loads((place / "state" / "secrets.json").read_text())["s3"]["metaflow"]
        values |= {
            "METAFLOW_DEFAULT_DATASTORE": "s3",
            "METAFLOW_DATASTORE_SYSROOT_S3": "s3://headwater-metaflow/metaflow",
            "METAFLOW_S3_ENDPOINT_URL": stack["s3_endpoint"],
            "AWS_ENDPOINT_URL_S3": stack["s3_endpoint"],
            "AWS_ACCESS_KEY_ID": access,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    return values


@click.command("env")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of shell exports.")
def env(as_json: bool) -> None:
    """Print shell exports that connect any client to this stack: eval "$(headwater env)"."""
    values = environment(require_stack())
    if as_json:
        click.echo(json.dumps(values))
        return
    for name, value in values.items():
        click.echo(f"export {name}={shlex.quote(value)}")


COMMANDS = (up, down, status, logs, reset, env)
