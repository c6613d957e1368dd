"""What holds a step: groups of cgroup v2 in a directory, GPUs, and what its end is put down to."""

import asyncio
from pathlib import Path

import pytest

from headwater_server.executor.node import devices, outcomes
from headwater_server.executor.node.cgroups import Cgroup, Cgroups, NotDelegated, Toll, own_group
from headwater_server.executor.node.devices import Devices
from headwater_server.executor.node.settings import parse


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """As the kernel shows a group that was delegated to us."""
    for name, text in (("cgroup.controllers", "cpu io memory pids\n"), ("cgroup.procs", "1\n")):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_one_group_per_attempt_with_its_limits(base: Path):
    old = base / "headwater-999999999-7"
    old.mkdir()
    groups = Cgroups(base)
    assert not old.exists(), "what an agent that is gone left behind"
    assert (base / "cgroup.subtree_control").read_text() == "+memory +cpu"
    group = groups.make(512, 1.5)
    group.add(1234)
    files = {path.name: path.read_text() for path in group.path.iterdir()}
    assert files == {
        "memory.max": str(512 << 20),
        "memory.oom.group": "1",
        "memory.swap.max": "0",
        "cpu.max": "150000 100000",
        "cgroup.procs": "1234",
    }
    assert groups.make(0, 0).path != group.path
    assert not group.remove(), "not while something is in it"


def test_the_toll_tells_the_limit_from_the_machine(tmp_path: Path):
    group = Cgroup(tmp_path)
    assert group.toll() == Toll()
    (tmp_path / "memory.peak").write_text(f"{530 << 20}\n")
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\n")
    assert group.toll() == Toll(3, True, 530)
    (tmp_path / "memory.events").write_text("max 0\noom 0\noom_kill 1\n")
    assert group.toll() == Toll(1, False, 530)
    said = outcomes.over_limit("train", 512, 530)
    assert said["message"] == "step train was killed by its memory limit of 512 MB (it had 530 MB)"
    assert (said["code"], "@resources(memory=1024)" in said["hint"]) == ("OUT_OF_MEMORY", True)


def test_why_there_are_no_groups(tmp_path: Path):
    mounts, proc = tmp_path / "mounts", tmp_path / "cgroup"
    mounts.write_text("cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n")
    proc.write_text("4:memory:/x\n0::/user.slice/a\n")
    with pytest.raises(NotDelegated, match="this machine has no cgroup v2"):
        own_group(mounts, proc)
    mounts.write_text("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
    assert own_group(mounts, proc) == Path("/sys/fs/cgroup/user.slice/a")
    (tmp_path / "cgroup.controllers").write_text("cpu\n")
    with pytest.raises(NotDelegated, match="has no memory controller"):
        Cgroups(tmp_path)
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    (tmp_path / "cgroup.procs").write_text("1")
    (tmp_path / "cgroup.subtree_control").mkdir()
    with pytest.raises(NotDelegated, match="cannot be divided"):
        Cgroups(tmp_path)


def test_which_gpus_a_worker_has(capsys: pytest.CaptureFixture[str]):
    assert devices.parse("2") == ("0", "1")
    assert devices.parse("0,3") == ("0", "3")
    assert devices.parse("3,") == ("3",)
    assert devices.parse("GPU-8f3a") == ("GPU-8f3a",)
    assert devices.parse("0") == devices.parse("none") == ()
    assert devices.found({"CUDA_VISIBLE_DEVICES": "5"}) == ("5",)
    assert devices.found({"CUDA_VISIBLE_DEVICES": ""}) == devices.found({"CUDA_VISIBLE_DEVICES": "-1"}) == ()
    assert parse(["--gpus", "1,4", "--slots", "3"], {}).gpus == ("1", "4")
    assert parse(["--slots", "3"], {"CUDA_VISIBLE_DEVICES": "7"}).gang_slots == 3
    for wrong, text in (
        ("0,0", "names one twice"),
        ("65", "more than 64"),
        ("a b", "neither a number"),
        ("", "neither"),
    ):
        with pytest.raises(SystemExit):
            parse(["--gpus", wrong], {})
        assert text in capsys.readouterr().err


async def test_a_device_is_had_by_one_at_a_time_first_come_first_served():
    gpus = Devices(("0", "1"))
    first = await gpus.take(1)
    both, one, gone = (asyncio.create_task(gpus.take(count)) for count in (2, 1, 1))
    await asyncio.sleep(0)
    gone.cancel()
    assert not both.done() and not one.done(), "who wants two is not overtaken by who wants one"
    first.end()
    first.end()
    assert (await both).names == ("0", "1") and not one.done()
    (await both).end()
    assert (await one).names == ("0",)
    with pytest.raises(ValueError, match="3 GPUs are asked for, and this worker has 2"):
        await gpus.take(3)
    assert devices.environment(("1",))["CUDA_VISIBLE_DEVICES"] == "1"
