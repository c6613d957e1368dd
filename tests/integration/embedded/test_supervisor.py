"""The supervisor and its real servers: starts, refuses, recovers from kill -9, stops. See small_stack.py."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from headwater_server.embedded.processes import alive, claim, free_port
from tests.harness.servers import memory

SCRIPT = Path(__file__).with_name("small_stack.py")


def until(condition: Callable[[], Any], what: str, timeout: float = 30.0) -> Any:
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} within {timeout:g} s"
        time.sleep(0.02)
    return value


class Stack:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.process: subprocess.Popen[bytes] | None = None
        self.output = home.with_suffix(".out")

    def start(self, *options: str) -> None:
        with self.output.open("wb") as out:
            command = [sys.executable, str(SCRIPT), "--home", str(self.home), *options]
            self.process = subprocess.Popen(command, stdout=out, stderr=out)

    def up(self, *options: str) -> dict[str, Any]:
        self.start(*options)
        return until(self._started, "the stack is up")

    def _started(self) -> dict[str, Any] | None:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        state = self.state()
        return state if state.get("pid") == self.process.pid else None

    def refusal(self, *options: str) -> str:
        """What an `up` says that fails."""
        self.start(*options)
        assert self.process is not None
        assert self.process.wait(30) == 1
        return self.said()

    def state(self) -> dict[str, Any]:
        try:
            return json.loads((self.home / "stack.json").read_text())
        except (OSError, ValueError):
            return {}

    def said(self) -> str:
        return self.output.read_text()

    def secret(self, *path: str) -> Any:
        value = json.loads((self.home / "state" / "secrets.json").read_text())
        for name in path:
            value = value[name]
        return value

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)


@pytest.fixture
def new_stack() -> Iterator[Callable[[], Stack]]:
    folder = Path(tempfile.mkdtemp(prefix="hw-test-", dir=memory()))
    folder.chmod(0o755)
    made: list[Stack] = []

    def make(name: str = "") -> Stack:
        made.append(Stack(folder / (name or f"home{len(made)}")))
        return made[-1]

    yield make
    for stack in made:
        stack.stop()
    shutil.rmtree(folder)


def answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def _replaced(stack: Stack, name: str, pid: int) -> dict[str, Any] | None:
    state = stack.state()
    return state if state["processes"][name] != pid else None


async def query(stack: Stack, sql: str) -> Any:
    where = f"127.0.0.1:{stack.state()['postgres_port']}/postgres"
    connection = await asyncpg.connect(f"postgresql://postgres:{stack.secret('postgres', 'postgres')}@{where}")
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def test_up_then_ctrl_c(new_stack):
    stack = new_stack()
    state = stack.up()
    assert set(state["processes"]) == {"nats", "s3", "postgres", "all"}
    assert (stack.home / "token").stat().st_mode & 0o777 == 0o600
    ports = (stack.secret("ports", "nats"), stack.secret("ports", "s3"), state["postgres_port"])
    assert all(answers(port) for port in ports)
    began = time.monotonic()
    stack.stop(signal.SIGINT)
    assert time.monotonic() - began < 3
    assert stack.process.returncode == 0
    assert not [pid for pid in state["processes"].values() if alive(pid)]
    assert not (stack.home / "stack.json").exists()


async def test_every_child_is_recovered_after_kill_9(new_stack):
    stack = new_stack()
    first = stack.up()["processes"]
    await query(stack, "CREATE TABLE kept AS SELECT 42 AS answer")
    for name, pid in first.items():
        os.kill(pid, signal.SIGKILL)
        state = until(lambda n=name, p=pid: _replaced(stack, n, p), f"{name} is started again")
        assert state["restarts"][name] == 1
    until(lambda: answers(stack.secret("ports", "nats")) and answers(stack.secret("ports", "s3")), "the servers answer")
    ready = stack.home / "state" / "postgres" / "data" / "postmaster.pid"
    until(lambda: ready.exists() and "ready" in ready.read_text(), "Postgres is ready")
    assert await query(stack, "SELECT answer FROM kept") == 42


async def test_kill_9_of_the_supervisor_leaves_nothing_and_the_next_up_works(new_stack):
    stack = new_stack()
    first = stack.up()
    await query(stack, "CREATE TABLE kept AS SELECT 42 AS answer")
    stack.stop(signal.SIGKILL)
    until(lambda: not [pid for pid in first["processes"].values() if alive(pid)], "the kernel ends the children")
    second = stack.up()
    assert second["url"] == first["url"], "ports stay"
    assert await query(stack, "SELECT answer FROM kept") == 42


def test_kill_9_of_the_whole_tree_and_the_next_up_works(new_stack):
    stack = new_stack()
    first = stack.up()
    for pid in (first["pid"], *first["processes"].values()):
        os.kill(pid, signal.SIGKILL)
    stack.process.wait(5)
    assert stack.up()["pid"] != first["pid"]


def test_a_server_that_outlived_its_supervisor_is_ended_and_others_are_not(new_stack):
    stack, other = new_stack(), new_stack()
    stack.home.joinpath("state").mkdir(parents=True)
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    ours = subprocess.Popen([*command, str(stack.home)], start_new_session=True)
    theirs = subprocess.Popen([*command, str(other.home)], start_new_session=True)
    pids = {"nats": ours.pid, "s3": theirs.pid}
    (stack.home / "state" / "pids.json").write_text(json.dumps(pids))
    try:
        stack.up()
        assert ours.wait(5) == -signal.SIGKILL
        assert theirs.poll() is None
    finally:
        ours.kill()
        theirs.kill()
        theirs.wait()


async def test_a_home_that_was_deleted_leaves_nothing_behind(new_stack):
    stack = new_stack("again")
    stack.home.mkdir()
    stack.home.chmod(0o700)  # as root: Postgres gets a folder outside
    stack.up()
    await query(stack, "CREATE TABLE old ()")
    stack.stop()
    shutil.rmtree(stack.home)
    stack.up()
    assert await query(stack, "SELECT to_regclass('old') IS NULL")


def test_two_stacks_side_by_side(new_stack):
    one, two = new_stack(), new_stack()
    one.start()
    first, second = two.up(), one.up() if one.process.poll() is not None else until(one._started, "up")
    assert first["url"] != second["url"]
    assert not set(one.secret("ports").values()) & set(two.secret("ports").values())
    two.stop()
    assert answers(one.secret("ports", "nats"))


def test_one_stack_per_home(new_stack):
    stack = new_stack()
    stack.up()
    again = Stack(stack.home)
    again.output = stack.home.with_suffix(".again")
    assert "a stack runs already" in again.refusal()
    assert stack.process.poll() is None


def test_a_taken_port_is_named(new_stack):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        said = new_stack().refusal("--port", str(port))
    assert f"port {port} is taken" in said
    assert "Traceback" not in said


def test_a_wanted_port_is_used(new_stack):
    port = free_port()
    assert new_stack().up("--port", str(port))["url"] == f"http://127.0.0.1:{port}"


def test_a_port_that_one_process_chose_is_left_alone_by_others_until_it_ends():
    chooses = "from headwater_server.embedded.processes import free_port; print(free_port(), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", chooses], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        port = int(other.stdout.readline())
        while_it_runs = claim(port)
        other.kill()
    assert (while_it_runs, claim(port)) == (False, True)


def test_a_server_that_cannot_start_says_why(new_stack):
    stack = new_stack()
    stack.up()
    stack.stop()
    version = stack.home / "state" / "postgres" / "data" / "PG_VERSION"
    version.write_text("9\n")
    began = time.monotonic()
    said = stack.refusal()
    assert "postgres ended with status 1 while starting" in said
    assert "incompatible" in said
    assert "Traceback" not in said
    assert time.monotonic() - began < 15


def test_a_home_that_is_a_file(new_stack):
    stack = new_stack()
    stack.home.write_text("")
    said = stack.refusal()
    assert str(stack.home) in said
    assert "Traceback" not in said
