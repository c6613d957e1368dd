"""What the real MlflowClient gets out of the server that MLFLOW_TRACKING_URI names: a JSON object per case.

Started by tracking.py for each server in turns, with a Python that has mlflow. It can be run alone, too:

    MLFLOW_TRACKING_URI=… python tests/bench/mlflow_client.py [--quick] [--search EXPERIMENT] [--artifact-mb 200]

--search: the id of an experiment that fill.py has filled. BENCH_SERVER_PID: the root of the processes of the server,
whose CPU seconds are then counted, too.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import raw
from mlflow import MlflowClient
from mlflow.entities import Metric

FILTER, ORDER = "metrics.acc > 0.3 and params.p2 = '3'", "metrics.loss ASC"


class Case:
    """Measures one case: its values, and the CPU of the server that a unit of work took."""

    def __init__(self, name: str, rounds: int) -> None:
        self.name, self.rounds, self.values, self.cpu = name, rounds, [], 0.0

    def measure(self, work: Callable[[], int], value: Callable[[int, float], float]) -> None:
        """work() says how many units it did; value(units, seconds) is what the table shows."""
        before, done = raw.server_cpu(), 0
        for _ in range(self.rounds):
            began = time.perf_counter()
            units = work()
            self.values.append(value(units, time.perf_counter() - began))
            done += units
        self.cpu = (raw.server_cpu() - before) * 1000 / max(done, 1)
        self.say()

    def say(self, **more: object) -> None:
        values = sorted(self.values)
        shown = {"value": statistics.median(values), "low": values[0], "high": values[-1], "cpu_ms": self.cpu}
        print(json.dumps({"case": self.name, **{k: round(v, 4) for k, v in shown.items()}, **more}), flush=True)


def per_second(units: int, seconds: float) -> float:
    return units / seconds


def milliseconds(units: int, seconds: float) -> float:
    return seconds * 1000 / units


def within(seconds: float, work: Callable[[int], object]) -> int:
    """Does work again and again for so long; how often."""
    end, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        work(count)
        count += 1
    return count


def batches(experiment: str, seconds: float) -> int:
    """Metrics that one process logs in batches of 1000."""
    client = MlflowClient()
    run, now = client.create_run(experiment).info.run_id, int(time.time() * 1000)

    def one(batch: int) -> None:
        points = [Metric(f"k{i % 10}", i * 0.37, now + batch, batch * 100 + i // 10) for i in range(1000)]
        client.log_batch(run, points)

    return 1000 * within(seconds, one)


def logging(client: MlflowClient, experiment: str, seconds: float, rounds: int) -> None:
    run = client.create_run(experiment).info.run_id
    client.log_metric(run, "m", 0.0, step=0)
    Case("log_metric, one client", rounds).measure(
        lambda: within(seconds, lambda i: client.log_metric(run, "m", i * 0.5, step=i)), per_second
    )
    Case("log_batch of 1000, one client", rounds).measure(lambda: batches(experiment, seconds), per_second)
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(batches, [experiment] * 4, [0.2] * 4))
        Case("log_batch of 1000, 4 processes", rounds).measure(
            lambda: sum(pool.map(batches, [experiment] * 4, [seconds] * 4)), per_second
        )
    Case("create + finish runs", rounds).measure(
        lambda: within(seconds, lambda _: client.set_terminated(client.create_run(experiment).info.run_id)), per_second
    )


def history(client: MlflowClient, experiment: str, points: int, rounds: int) -> None:
    run, now = client.create_run(experiment).info.run_id, int(time.time() * 1000)
    for first in range(0, points, 1000):
        client.log_batch(run, [Metric("h", i * 0.37, now + i, i) for i in range(first, first + 1000)])

    def read() -> int:
        found = len(client.get_metric_history(run, "h"))
        assert found in (points, 100_000), found
        return 1

    Case("history of 100,000 points" if points == 100_000 else f"history of {points} points", rounds).measure(
        read, milliseconds
    )


def searches(client: MlflowClient, experiment: str, rounds: int) -> None:
    def filtered() -> int:
        found = client.search_runs([experiment], FILTER, order_by=[ORDER], max_results=100)
        assert len(found) == 100, len(found)
        return 1

    def page() -> int:
        assert len(client.search_runs([experiment], max_results=1000)) == 1000
        return 1

    filtered()
    Case("search 10,000 runs", rounds * 3).measure(filtered, milliseconds)
    with raw.Connection() as line:
        body = {"experiment_ids": [experiment], "filter": FILTER, "order_by": [ORDER], "max_results": 100}
        ask = lambda: line.post("/api/2.0/mlflow/runs/search", body) and 1  # noqa: E731
        ask()
        Case("search 10,000 runs, server side", rounds * 10).measure(ask, milliseconds)
    Case("page of 1000 runs", rounds).measure(page, milliseconds)


def artifacts(client: MlflowClient, experiment: str, mb: int, rounds: int) -> None:
    run = client.create_run(experiment).info.run_id
    with tempfile.TemporaryDirectory() as folder:
        for name, work in transfers(client, run, mb, Path(folder)):
            Case(f"artifact of {mb} MB {name}", rounds).measure(work, lambda n, seconds: n / seconds)


def transfers(client: MlflowClient, run: str, mb: int, folder: Path) -> Iterator[tuple[str, Callable[[], int]]]:
    """Rates in MB/s, of bytes that no store has yet."""
    file = folder / "artifact.bin"

    def up() -> int:
        client.log_artifact(run, str(file))
        return mb

    def down() -> int:
        target = tempfile.mkdtemp(dir=folder)
        got = Path(client.download_artifacts(run, "artifact.bin", target))
        assert got.stat().st_size == mb << 20
        got.unlink()
        return mb

    file.write_bytes(os.urandom(mb << 20))
    yield "up", up
    yield "down", down


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, once")
    parser.add_argument("--search", default="", help="id of an experiment with 10,000 runs")
    parser.add_argument("--artifact-mb", type=int, default=200)
    options = parser.parse_args()
    seconds, rounds = (0.5, 1) if options.quick else (4.0, 3)
    client = MlflowClient()
    experiment = client.create_experiment(f"bench-{time.time():.0f}")
    logging(client, experiment, seconds, rounds)
    history(client, experiment, 10_000 if options.quick else 100_000, rounds)
    if options.search:
        searches(client, options.search, rounds)
    artifacts(client, experiment, 20 if options.quick else options.artifact_mb, 1 if options.quick else 2)


if __name__ == "__main__":
    main()
