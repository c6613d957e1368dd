"""A stand-in for the node agent in one blocking thread: starts zygotes, hands out tasks, keeps blobs in a directory."""

import base64
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.runtime import frames

SOURCE = Path(frames.__file__).parents[2]


@dataclass
class Parked:
    pid: int
    base: str
    sock: socket.socket
    out: int
    err: int


@dataclass
class Outcome:
    result: dict[str, Any] | None
    stdout: str
    stderr: str
    metrics: list[dict[str, Any]] = field(default_factory=list)
    status: int | None = None

    @property
    def manifest(self) -> bytes:
        assert self.result is not None and "manifest" in self.result, self
        return self.result["manifest"].encode()

    @property
    def failure(self) -> dict[str, Any]:
        assert self.result is not None
        return self.result["failure"]


class Driver:
    def __init__(self, directory: Path, size: int = 2) -> None:
        self.directory, self.size = directory, size
        self.cache = directory / "cache"
        self.scratch = directory / "scratch"
        self.scratch.mkdir(parents=True)
        self.cache.mkdir()
        mine, theirs = socket.socketpair()
        self.root = mine
        self.process = subprocess.Popen(
            [sys.executable, "-m", "headwater.runtime.zygote", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])},
        )
        theirs.close()
        assert frames.receive(mine)["op"] == "ready"
        self.packages: dict[Path, Package] = {}

    def package(self, path: Path, flow_class: str) -> "Package":
        if path not in self.packages:
            self.packages[path] = Package(self, path, flow_class)
        return self.packages[path]

    def close(self) -> None:
        self.root.close()
        for package in self.packages.values():
            package.control.close()
        self.process.wait(10)

    def store(self, blobs: list[list[Any]]) -> None:
        for digest, size, path in blobs:
            target = self.cache / digest[:2] / digest
            target.parent.mkdir(exist_ok=True)
            assert Path(path).stat().st_size == size
            shutil.copyfile(path, target)


class Package:
    def __init__(self, driver: Driver, path: Path, flow_class: str) -> None:
        self.driver = driver
        self.splitter, self.fds = frames.Splitter(), []
        self.parked: list[Parked] = []
        self.ended: dict[int, int] = {}
        self.failure: dict[str, Any] | None = None
        self.control, theirs = socket.socketpair()
        self.control.settimeout(20)
        message = {
            "op": "package",
            "package": str(path.parent),
            "entrypoint": path.name,
            "flow_class": flow_class,
            "scratch": str(driver.scratch),
            "size": driver.size,
            "fds": 1,
        }
        frames.send(driver.root, message, [theirs.fileno()])
        theirs.close()

    def child(self) -> Parked | None:
        while not self.parked and self.failure is None:
            self.read()
        return self.parked.pop(0) if self.parked else None

    def read(self) -> None:
        messages, fds, _ = frames.receive_with_fds(self.control, self.splitter)
        self.fds += fds
        for message in messages:
            self.ended.update(dict(message.get("ended", ())))
            if message["op"] == "parked":
                sock, out, err = self.fds[:3]
                del self.fds[:3]
                self.parked.append(Parked(message["pid"], message["base"], socket.socket(fileno=sock), out, err))
            elif message["op"] == "failed":
                self.failure = message["failure"]

    def run(self, assignment: dict[str, Any], results: list[dict[str, Any]] | None = None) -> Outcome:
        child = self.child()
        assert child is not None, self.failure
        child.sock.settimeout(30)
        frames.send(child.sock, {"op": "task", "task": assignment, "cache": str(self.driver.cache)})
        outcome = Outcome(None, "", "")
        while (message := frames.receive(child.sock)) is not None:
            if message["op"] == "result":
                outcome.result = message
                self.driver.store(message.get("blobs", []))
            elif message["op"] == "metrics":
                outcome.metrics += message["metrics"]
            else:
                frames.send(child.sock, self.answer(message, results or []))
        outcome.stdout, outcome.stderr = drain(child.out), drain(child.err)
        child.sock.close()
        while child.pid not in self.ended:
            self.read()
        outcome.status = self.ended[child.pid]
        return outcome

    def answer(self, message: dict[str, Any], results: list[dict[str, Any]]) -> dict[str, Any]:
        if message["op"] == "results":
            return {"results": results[message["offset"] : message["offset"] + message["limit"]]}
        return {"error": f"blob {message.get('digest')} is not here"}


def drain(fd: int) -> str:
    with os.fdopen(fd, "rb") as stream:
        return stream.read().decode()


def assignment(
    step: str, *inputs: bytes, transition: str = "LINEAR", keys: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    keys = keys or [{"runId": "r", "step": f"before{i}"} for i in range(len(inputs))]
    spec = {"name": step, "transition": f"TRANSITION_{transition}", **more.pop("spec", {})}
    given = [result(key, data) for key, data in zip(keys, inputs, strict=True)]
    return {
        "key": {"runId": "r", "step": step},
        "attempt": 1,
        "project": "default",
        "flow": "F",
        "step": spec,
        "inputs": given,
        **more,
    }


def result(key: dict[str, Any], data: bytes) -> dict[str, Any]:
    return {"key": key, "attempt": 1, "result": base64.b64encode(data).decode()}
