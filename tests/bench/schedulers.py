"""Tasks per second that one scheduler settles, and two on the same database and bus.

100 runs of a chain of 32 steps; instead of workers a process that completes each task as soon as it is given one, so
that nothing but scheduling is measured. Prints a line of JSON per round, CPU seconds by process among it.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import special

RUNS, STEPS, SLOTS = 100, 32, 64
HERE = Path(__file__).parent


async def work(url: str, seed: str, tasks: int) -> float:
    """Completes tasks until there were so many; seconds from the first to the last."""
    import msgspec

    from headwater_server.kit.bus import Bus
    from headwater_server.kit.pull import Puller

    bus = await Bus.connect(url, identity="worker-default", seed=Path(seed))
    busy, done, over = 0, 0, asyncio.Event()
    begun = 0.0

    async def ask(verb: str, body: dict[str, Any]) -> dict[str, Any]:
        reply = await bus.request(f"hw.cmd.v1.scheduler.{verb}", msgspec.json.encode(body), timeout=30)
        return msgspec.json.decode(reply.data)

    session = (await ask("open_session", {"pool": "default", "name": "bench", "slots": SLOTS}))["sessionId"]

    async def run(assignment: dict[str, Any] | None) -> None:
        nonlocal busy, done, begun
        begun = begun or time.perf_counter()
        while assignment is not None:
            held = {"key": assignment["key"], "attempt": assignment["attempt"], "sessionId": session}
            answer = await ask("complete_task", held | {"success": {"result": "e30="}, "wantNext": True})
            assert "disposition" in answer, answer
            done += 1
            assignment = answer.get("next")
        busy -= 1
        puller.wake()
        if done >= tasks:
            over.set()

    jobs = set()

    async def receive(msg: Any) -> None:
        nonlocal busy
        await msg.ack()
        busy += 1
        jobs.add(asyncio.create_task(run(msgspec.json.decode(msg.data))))

    async def beat() -> None:
        while True:
            body = {"sessionId": session, "free": SLOTS - busy, "held": []}
            await bus.publish(f"hw.hb.v1.default.{session}", msgspec.json.encode(body))
            await asyncio.sleep(1)

    puller = await Puller(bus, "HW_TASKS", "pool-default", receive, lambda: SLOTS - busy).start()
    beating = asyncio.create_task(beat())
    async with asyncio.timeout(300):
        await over.wait()
    took = time.perf_counter() - begun
    beating.cancel()
    await puller.stop()
    await bus.close()
    return took


def round_of(env: dict[str, str], exports: dict[str, str], state: dict[str, Any], more: list[int]) -> dict[str, Any]:
    for _ in range(RUNS):
        special.start(exports, "Chain")
    pids = {"scheduler": [state["processes"]["scheduler"], *more], "postgres": [state["processes"]["postgres"]],
            "nats": [state["processes"]["nats"]]}  # fmt: skip
    before = {name: sum(map(cpu, group)) for name, group in pids.items()}
    seed = str(Path(env["HEADWATER_HOME"]) / "creds" / "worker-default.nk")
    command = [sys.executable, __file__, "--work", state["nats_url"], "--seed", seed]
    took = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    used = {name: round(sum(map(cpu, group)) - before[name], 2) for name, group in pids.items()}
    return {"schedulers": 1 + len(more), "tasks_per_s": round(RUNS * STEPS / took), "cpu_s": used}


def cpu(pid: int) -> float:
    """CPU seconds of a process and its children, also of those that have ended."""
    process = psutil.Process(pid)
    return sum(process.cpu_times()[:4]) + sum(sum(c.cpu_times()[:2]) for c in process.children(recursive=True))


def compare(rounds: int) -> list[dict[str, Any]]:
    """One scheduler and two, in turns."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as home:
        Path(home).chmod(0o755)  # Postgres may run as another user
        env = {k: v for k, v in os.environ.items() if not k.startswith("HEADWATER_")} | {"HEADWATER_HOME": home}
        headwater = str(Path(sys.executable).parent / "headwater")
        subprocess.run([headwater, "up", "-d", "--split", "--workers", "0"], env=env, check=True, capture_output=True)
        try:
            exports = special.exports_of(env)
            flow = str(HERE / "flows" / "chain.py")
            subprocess.run([headwater, "deploy", flow], env=env, check=True, capture_output=True)
            state = json.loads((Path(home) / "stack.json").read_text())
            theirs = psutil.Process(state["processes"]["scheduler"]).environ()
            for _ in range(rounds):
                rows.append(round_of(env, exports, state, []))
                print(json.dumps(rows[-1]), flush=True)
                other = subprocess.Popen(
                    [sys.executable, "-m", "headwater_server", "scheduler"],
                    env=theirs | {"HEADWATER_GRPC_ADDRESS": "127.0.0.1:0"},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                try:
                    time.sleep(3)  # it reads the topology and joins the queue group
                    rows.append(round_of(env, exports, state, [other.pid]))
                    print(json.dumps(rows[-1]), flush=True)
                finally:
                    other.terminate()
                    other.wait()
        finally:
            subprocess.run([headwater, "down"], env=env, capture_output=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--seed", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        print(asyncio.run(work(args.work, args.seed, RUNS * STEPS)))
        return
    rows = compare(args.rounds)
    one, two = (statistics.median(r["tasks_per_s"] for r in rows if r["schedulers"] == n) for n in (1, 2))
    print("\n| one scheduler | two | ratio | goal |\n|---|---|---|---|")
    print(f"| {one:,.0f} tasks/s | {two:,.0f} tasks/s | {two / one:.2f} × | 1.3 × |")


if __name__ == "__main__":
    main()
