"""`headwater doctor`: checks this Python, the server, its services and workers, disk and clock; each with a fix."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import click

from headwater.cli import output
from headwater.client.http import API, Connection, connect
from headwater.client.locate import home, read_stack
from headwater.errors import HeadwaterError, NotReachable, ServerError

_GIB = 1 << 30


@dataclass(frozen=True)
class Check:
    """One result: state is ok, warn or fail; fix says what to do, "" when nothing needs to be done."""

    name: str
    state: str
    found: str
    fix: str = ""


class _Group(click.Group):
    """`doctor artifacts` and `doctor lineage` are imported only when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return ["artifacts", "lineage"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "artifacts":
            from headwater.cli.doctor_artifacts import artifacts

            return artifacts
        if cmd_name == "lineage":
            from headwater.cli.doctor_lineage import lineage

            return lineage
        return None


@click.group(cls=_Group, invoke_without_command=True)
@output.json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check everything a run needs; each problem comes with its fix. Exit status 1 when something fails."""
    if ctx.invoked_subcommand is None:
        _doctor(as_json)


def _doctor(as_json: bool) -> None:
    checks = run_checks()
    failed = any(check.state == "fail" for check in checks)
    if as_json:
        output.print_json({"ok": not failed, "checks": [asdict(check) for check in checks]})
    else:
        marks = {"ok": "✓", "warn": "!", "fail": "✗"}
        width = max(len(check.name) for check in checks)
        for check in checks:
            mark = click.style(marks[check.state], fg=output.STYLES[check.state]) if output.fancy() else check.state
            click.echo(f"{mark:<4} {check.name:<{width}}  {check.found}")
            if check.fix:
                click.echo(f"{'':<4} {'':<{width}}  → {check.fix}")
    if failed:
        raise click.exceptions.Exit(1)


def run_checks() -> list[Check]:
    """All checks that make sense: without a server those of this machine only."""
    checks = [_python(), _packages(), _home()]
    try:
        conn = connect()
    except NotReachable as error:
        return [*checks, Check("server", "fail", error.message, error.hint)]
    reached = _attempt("server", lambda: _server(conn))
    checks.append(reached)
    if reached.state == "fail":
        return checks
    looks: list[tuple[str, Callable[[], Check]]] = [
        ("token", lambda: _token(conn)),
        ("services", lambda: _services(conn)),
        ("workers", lambda: _workers(conn)),
        ("clock", lambda: _clock(conn)),
    ]
    return [*checks, *(_attempt(name, look) for name, look in looks)]


def _attempt(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except HeadwaterError as error:
        return Check(name, "fail", error.message, error.hint)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", "ok", f"Python {version} at {sys.executable}")


def _packages() -> Check:
    from importlib import metadata

    from headwater import __version__

    try:
        server = metadata.version("headwater-server")
    except metadata.PackageNotFoundError:
        return Check("packages", "ok", f"headwater {__version__}; no server in this environment")
    if server != __version__:
        text = f"headwater {__version__} beside headwater-server {server}"
        return Check("packages", "warn", text, "install the same version of both")
    return Check("packages", "ok", f"headwater {__version__}, headwater-server {server}")


def _home() -> Check:
    place = home()
    existing = place
    while not existing.exists():
        existing = existing.parent
    if not os.access(existing, os.W_OK):
        return Check("home", "fail", f"{place} cannot be written", "set HEADWATER_HOME to a folder of yours")
    free = shutil.disk_usage(existing).free
    found = f"{place}, {output.size(free)} free"
    if free < _GIB // 2:
        return Check("home", "fail", found, "free some space: uploads and the database fail when the disk is full")
    if free < 5 * _GIB:
        return Check("home", "warn", found, "free some space, or move HEADWATER_HOME")
    token = place / "token"
    if os.name == "posix" and token.exists() and token.stat().st_mode & 0o077:
        return Check("home", "fail", f"{token} can be read by others", f"chmod 600 {token}")
    return Check("home", "ok", found)


def _server(conn: Connection) -> Check:
    stack = read_stack()
    try:
        conn.call("GET", "/healthz", timeout=5)
    except NotReachable as error:
        return Check("server", "fail", error.message, error.hint)
    except ServerError as error:
        return Check("server", "fail", f"{conn.server.url}: {error.message}", "look with `headwater logs`")
    where = f"{conn.server.url} (from {conn.server.origin})"
    local = f", stack of this machine, pid {stack['pid']}" if conn.server.local and stack else ""
    return Check("server", "ok", f"{where}{local}")


def _token(conn: Connection) -> Check:
    if not conn.server.token:
        return Check("token", "fail", "no token", f"set HEADWATER_TOKEN, or use the one in {home() / 'token'}")
    conn.call("GET", f"{API}/projects/{conn.project}/flows", timeout=5)
    return Check("token", "ok", f"accepted for project {conn.project} (from {conn.server.token_origin})")


def _services(conn: Connection) -> Check:
    try:
        body = conn.call("GET", "/readyz", timeout=10)
    except ServerError as error:
        return Check(
            "services", "fail", error.message, error.hint or "look with `headwater status` and `headwater logs`"
        )
    services: dict[str, Any] = body.get("services", {})
    down = sorted(name for name, state in services.items() if state not in (True, "ok", "SERVING", "serving"))
    if down:
        return Check("services", "fail", f"not serving: {', '.join(down)}", f"headwater logs {down[0]}")
    return Check("services", "ok", f"serving: {', '.join(sorted(services))}" if services else "ready")


def _workers(conn: Connection) -> Check:
    found = conn.call("GET", f"{API}/workers", timeout=5).get("workers", [])
    if not found:
        fix = "`headwater up` starts one on this machine; `python -m headwater_server worker` another"
        return Check("workers", "fail", "none: every task waits", fix)
    slots = sum(int(each.get("slots", 0)) for each in found)
    busy = sum(int(each.get("busy", 0)) for each in found)
    pools = sorted({each.get("pool", "") for each in found})
    text = f"{len(found)} with {slots} slots, {busy} busy, in {', '.join(pools)}"
    return Check("workers", "ok", text)


def _clock(conn: Connection) -> Check:
    server = conn.server_time
    if server is None:
        return Check("clock", "ok", "the server does not tell its time")
    off = abs((datetime.now(UTC) - server).total_seconds())
    if off > 5:
        return Check("clock", "warn", f"{off:.0f} s apart from the server's", "synchronise the clocks (NTP)")
    return Check("clock", "ok", "same time as the server")
