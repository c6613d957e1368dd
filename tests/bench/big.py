"""What only Headwater is measured on: searches among 100,000 runs of 20 metrics, and 100 million points.

python tests/bench/tracking.py --only large [--points 100000000]
"""

import json
import os
import random
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import raw
from fill import fill_headwater

RUNS, KEYS = 100_000, tuple(f"m{i}" for i in range(20))
STEPS, WIDTH = 1_000, 100
ASKED = 300


def quantiles(times: list[float]) -> tuple[float, float]:
    """p50 and p99 in ms."""
    ordered = sorted(times)
    return statistics.median(ordered) * 1000, ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000


def timed(line: raw.Connection, path: str, body: Any = None) -> float:
    began = time.perf_counter()
    line.get(path) if body is None else line.post(path, body)
    return time.perf_counter() - began


async def search(url: str, runs: int = RUNS) -> dict[str, Any]:
    """Varied filters, orders and pages of 100."""
    experiment = await fill_headwater(url, runs, KEYS, "bench-large", 3)
    rng, times = random.Random(1), []
    with raw.Connection() as line:
        for n in range(ASKED + 20):
            key, other, limit = rng.choice(KEYS), rng.choice(KEYS), rng.random()
            asked = [
                (f"metrics.{key} > {limit:.3f}", [f"metrics.{other} DESC"]),
                (f"metrics.{key} > {limit:.3f} and params.p2 = '{rng.randrange(7)}'", [f"metrics.{key} ASC"]),
                (f"metrics.{key} < {limit:.3f} and tags.t1 = '{rng.randrange(6)}'", []),
                (f"params.p0 = '{rng.randrange(5)}' and params.p1 = '{rng.randrange(6)}'", ["start_time DESC"]),
            ][n % 4]  # fmt: skip
            body = {"experiment_ids": [experiment], "filter": asked[0], "order_by": asked[1], "max_results": 100}
            took = timed(line, "/api/2.0/mlflow/runs/search", body)
            if n >= 20:
                times.append(took)
    p50, p99 = quantiles(times)
    return {"case": f"search {runs:,} runs × {len(KEYS)} metrics, server side", "p50": p50, "p99": p99}


def _log(job: tuple[str, int, int]) -> list[str]:
    """One of several processes that log: its runs, each with 100 metrics of so many steps."""
    experiment, runs, steps = job
    made = []
    with raw.Connection() as line:
        for _ in range(runs):
            answer = line.post("/api/2.0/mlflow/runs/create", {"experiment_id": experiment})
            made.append(json.loads(answer)["run"]["info"]["run_id"])
            for first in range(0, steps, 1000 // WIDTH):
                points = ",".join(
                    f'{{"key":"k{k}","value":{step * 0.001 + k * 0.37:.6g},'
                    f'"timestamp":{1_700_000_000_000 + step * 100},"step":{step}}}'
                    for step in range(first, min(first + 1000 // WIDTH, steps))
                    for k in range(WIDTH)
                )
                body = f'{{"run_id":"{made[-1]}","metrics":[{points}]}}'.encode()
                line.post("/api/2.0/mlflow/runs/log-batch", body)
            line.post("/api/2.0/mlflow/runs/update", {"run_id": made[-1], "status": "FINISHED"})
    return made


def ingest(points: int, processes: int = 4) -> tuple[str, list[str], float]:
    """Logs so many points in runs of 100 keys × 1000 steps; the experiment, its runs, the seconds."""
    runs = max(processes, points // (STEPS * WIDTH))
    steps = max(10, points // (runs * WIDTH))
    with raw.Connection() as line:
        answer = line.post("/api/2.0/mlflow/experiments/create", {"name": f"bench-points-{time.time():.0f}"})
    experiment = json.loads(answer)["experiment_id"]
    began = time.perf_counter()
    shares = [runs // processes + (n < runs % processes) for n in range(processes)]
    with ProcessPoolExecutor(processes) as pool:
        made = [run for part in pool.map(_log, [(experiment, share, steps) for share in shares]) for run in part]
    return experiment, made, time.perf_counter() - began


def histories(runs: list[str], asked: int = 200) -> tuple[float, float]:
    """p50 and p99 (ms) of reading one whole history over HTTP."""
    rng, path = random.Random(2), "/api/2.0/mlflow/metrics/get-history"
    with raw.Connection() as line:
        times = [
            timed(line, f"{path}?run_id={rng.choice(runs)}&metric_key=k{rng.randrange(WIDTH)}") for _ in range(asked)
        ]
    return quantiles(times)


async def sizes(url: str) -> dict[str, int]:
    """Bytes on disk of the tables of points with their indexes, and how many points lie in each."""
    import asyncpg

    conn = await asyncpg.connect(url, server_settings={"search_path": "tracking"})
    try:
        loose = await conn.fetchval(
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'points'::regclass"
        )
        packed = await conn.fetchval("SELECT pg_total_relation_size('packed_points')")
        waiting = await conn.fetchval("SELECT count(*) FROM points")
        return {"loose_bytes": int(loose), "packed_bytes": packed, "loose_points": waiting}
    finally:
        await conn.close()


async def points(url: str, count: int) -> list[dict[str, Any]]:
    cpu = raw.server_cpu()
    _, runs, seconds = ingest(count)
    found: list[dict[str, Any]] = []
    about: dict[str, Any] = {
        "case": f"ingest of {count:,} points, 4 clients",
        "value": count / seconds,
        "took_s": seconds,
    }
    about["cpu_ms"] = (raw.server_cpu() - cpu) * 1000 / count
    found.append(about | await sizes(url))
    p50, p99 = histories(runs)
    found.append({"case": "history of 1,000 points right after", "p50": p50, "p99": p99})
    began = time.perf_counter()
    with raw.Connection() as line:  # `headwater gc`: do not wait until the runs have been over for ten minutes
        while json.loads(line.post("/api/v1/projects/default/tracking/gc", {})).get("more"):
            pass
    packing = time.perf_counter() - began
    p50, p99 = histories(runs)
    found.append(
        {"case": "history of 1,000 points, packed", "p50": p50, "p99": p99, "packing_s": packing} | await sizes(url)
    )
    return found


def environment(given: dict[str, str]) -> None:
    os.environ.update({name: value for name, value in given.items() if name.startswith(("MLFLOW_", "BENCH_"))})
