"""Environments with the real uv: built once whoever asks, with our runtime in them, removed when nobody uses them."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headwater_server.executor.node import interpreters
from headwater_server.executor.node.children import CannotStart
from headwater_server.executor.node.environments import MARKER, Environments, environ_of
from tests.harness.wheels import make_wheel

OWN = ".".join(map(str, sys.version_info[:2]))


class Store:
    """Blobs on disk, as the cache of an agent has them."""

    def __init__(self, folder):
        self.folder = folder

    async def get(self, project, digest, traceparent=""):
        return self.folder / digest


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def made(tmp_path, store, monkeypatch):
    """Locks of packages that are files here, and agents that may look nowhere else."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    environ = {**os.environ, "UV_FIND_LINKS": str(wheels), "UV_NO_INDEX": "1", "PYTHONPATH": str(tmp_path)}

    class Made:
        said: list[str] = []

        def agent(self, limit=1 << 40):
            return Environments(tmp_path / "envs", store, environ, limit)

        def lock(self, name, version="1.0", python=OWN, **more):
            make_wheel(wheels, name, version)
            body = {"v": 1, "python": python, "requirements": f"{name}=={version}\n", "packages": {name: version}}
            digest = hashlib.sha256(name.encode()).hexdigest()
            (tmp_path / digest).write_text(json.dumps({**body, **more}))
            return digest

        async def ensure(self, agent, digest):
            return await agent.ensure("default", digest, sys.executable, self.said.append)

    return Made()


def run(python, code):
    environ = environ_of(python, dict(os.environ))
    done = subprocess.run([python, "-P", "-c", code], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


async def test_one_is_built_once_and_has_what_it_should(made):
    agents, digest = [made.agent(), made.agent()], made.lock("hw_tiny")
    pythons = await asyncio.gather(*(made.ensure(agent, digest) for agent in agents for _ in range(2)))
    assert len(set(pythons)) == 1 and agents[0].find(digest) == pythons[0]
    code = (
        "import hw_tiny, sys, headwater.runtime.zygote, cloudpickle, importlib.util as u; "
        "print(hw_tiny.VERSION, u.find_spec('msgspec') is None, u.find_spec('headwater_server') is None)"
    )
    assert run(pythons[0], code) == ["1.0", "True", "True"]
    assert "hw_tiny 1.0" in made.said[0]
    assert environ_of(sys.executable, {"A": "1"}) == {"A": "1"}
    assert "PYTHONPATH" not in environ_of(pythons[0], {"PYTHONPATH": "/x", "PATH": "/bin"})


async def test_what_nobody_uses_makes_room(made):
    first, second, third = (made.lock(name) for name in ("hw_a", "hw_b", "hw_c"))
    user = made.agent()
    kept = Path(await made.ensure(user, first)).parent.parent
    agent = made.agent(limit=1)
    unused = Path(await made.ensure(agent, second)).parent.parent
    agent.release({str(unused / "bin" / "python")})  # in use: held on
    assert agent.find(second)
    for _, hold, _ in agent._held.values():
        hold.close()
    agent._held.clear()
    newest = Path(await made.ensure(agent, third)).parent.parent
    assert (kept / MARKER).exists() and (newest / MARKER).exists() and not unused.exists()
    await made.ensure(made.agent(), second)  # built anew
    assert (unused / MARKER).exists()


async def failure(made, digest):
    with pytest.raises(CannotStart) as caught:
        await made.ensure(made.agent(), digest)
    return caught.value.failure


async def test_why_one_cannot_be_had(made, tmp_path):
    missing = await failure(made, made.lock("hw_d", python="3.99"))
    assert missing["code"] == "ENVIRONMENT" and "Python 3.99 is not on this worker" in missing["message"]
    assert not missing["retryable"]
    gone = await failure(made, made.lock("hw_e", requirements="hw_nowhere==1.0\n"))
    assert "hw-nowhere" in gone["message"] and gone["retryable"]
    assert "has version 2" in (await failure(made, made.lock("hw_f", v=2)))["message"]
    assert "is not a lock" in (await failure(made, made.lock("hw_g", python=3)))["message"]
    left = [path for path in (tmp_path / "envs").iterdir() if path.is_dir() and path.name != "sdk"]
    assert not left


def test_interpreters_are_asked_themselves(tmp_path):
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert interpreters.find("3.99", (str(shim),)) is None
    assert interpreters.find(OWN, (sys.executable,)) == sys.executable
    assert interpreters.find(OWN, ("relative/python", str(shim))) is not None
