"""What the real MlflowClient gets out of the server that MLFLOW_TRACKING_URI names: one JSON object of rates and times.

    MLFLOW_TRACKING_URI=… python tests/bench/mlflow_client.py [--quick] [--runs 10000]

Run it with the same client against `mlflow server` (default workers, and --workers 1) and against Headwater, with
nothing else on the machine. --runs makes so many runs first and measures searches among them.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag


def rate(count: int, work: Callable[[], object], rounds: int) -> float:
    """So many per second, the median of several rounds."""
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        found.append(count / (time.perf_counter() - began))
    return statistics.median(found)


def batches(experiment: str, count: int) -> None:
    client = MlflowClient()
    run, now = client.create_run(experiment).info.run_id, int(time.time() * 1000)
    for batch in range(count):
        points = [Metric(f"k{i % 10}", i * 0.37, now + batch, batch * 100 + i // 10) for i in range(1000)]
        client.log_batch(run, points)


def logging(client: MlflowClient, experiment: str, size: int, rounds: int) -> dict[str, float]:
    run = client.create_run(experiment).info.run_id
    singles, parts = 40 * size, 3 * size

    def begin_and_end() -> None:
        for _ in range(10 * size):
            client.set_terminated(client.create_run(experiment).info.run_id)

    found = {
        "log_metric/s": rate(
            singles, lambda: [client.log_metric(run, "m", i * 0.5, step=i) for i in range(singles)], rounds
        ),
        "log_batch metrics/s": rate(1000 * parts, lambda: batches(experiment, parts), rounds),
        "create+finish runs/s": rate(10 * size, begin_and_end, rounds),
    }
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(batches, [experiment] * 4, [1] * 4))
        together = lambda: list(pool.map(batches, [experiment] * 4, [parts] * 4))  # noqa: E731
        found["log_batch x 4 processes metrics/s"] = rate(4000 * parts, together, rounds)
    return found


def history(client: MlflowClient, experiment: str, size: int, rounds: int) -> dict[str, float]:
    run, now = client.create_run(experiment).info.run_id, int(time.time() * 1000)
    points = 10_000 * size
    for first in range(0, points, 1000):
        client.log_batch(run, [Metric("h", i * 0.37, now + i, i) for i in range(first, first + 1000)])
    return {f"history of {points} points s": 1 / rate(1, lambda: client.get_metric_history(run, "h"), rounds)}


def searches(client: MlflowClient, experiment: str, runs: int, rounds: int) -> dict[str, float]:
    for n in range(runs):
        run = client.create_run(experiment, run_name=f"r{n}").info.run_id
        metrics = [Metric(key, ((n * 7919) % 1000) / 1000, 1, 0) for key in ("acc", "loss", "f1")]
        texts = [(f"{i}", str(n % (5 + i))) for i in range(4)]
        client.log_batch(run, metrics, [Param(f"p{i}", v) for i, v in texts], [RunTag(f"t{i}", v) for i, v in texts])
    text, order = "metrics.acc > 0.3 and params.p2 = '3'", ["metrics.loss ASC"]
    filtered = rate(1, lambda: client.search_runs([experiment], text, order_by=order, max_results=100), rounds)
    page = rate(1, lambda: client.search_runs([experiment], max_results=1000), rounds)
    return {f"search {runs} runs ms": 1000 / filtered, "page of 1000 runs ms": 1000 / page}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, once")
    parser.add_argument("--runs", type=int, default=0, help="make so many runs and search among them")
    options = parser.parse_args()
    size, rounds = (1, 1) if options.quick else (10, 5)
    client = MlflowClient()
    experiment = client.create_experiment(f"bench-{time.time():.0f}")
    found = logging(client, experiment, size, rounds) | history(client, experiment, size, rounds)
    if options.runs:
        searched = client.create_experiment(f"bench-search-{time.time():.0f}")
        found |= searches(client, searched, options.runs, rounds)
    print(json.dumps({name: round(value, 3) for name, value in found.items()}, indent=1))


if __name__ == "__main__":
    main()
