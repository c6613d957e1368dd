"""`python tests/bench/data.py`: artifacts of a step, durable in the bucket and read by the next one, beside raw S3.

All on the embedded stack, in turns, in one run; prints medians. On a busy machine they say little: compare them with
the raw rates of the same run, which move bytes from memory to the same bucket in parts side by side.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from run import Stack

from headwater import S3, Run

FLOW = Path(__file__).parent / "flows" / "data.py"


def raw(stack: Stack, mb: int) -> tuple[float, float]:
    """MB/s up and down."""
    home = Path(stack.home)
    endpoint = json.loads((home / "stack.json").read_text())["s3_endpoint"]
    access, secret = json.loads((home / "state" / "secrets.json").read_text())["s3"]["artifact"]
    keys = {"endpoint_url": endpoint, "aws_access_key_id": access, "aws_secret_access_key": secret}
    with S3(s3root="s3://headwater-artifacts/bench", client_params=keys, tmproot=stack.home) as s3:
        data = os.urandom(mb << 20)
        up = seconds(lambda: s3.put("raw", data))
        down = seconds(lambda: s3.get("raw"))
    return mb / up, mb / down


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def flow(stack: Stack, kind: str, mb: int) -> tuple[float, float]:
    """Seconds from the last line of the step to the durable result, and to read it all in the next step."""
    ident = Path(stack.home) / "run-id"
    command = [sys.executable, str(FLOW), "run", "--kind", kind, "--mb", str(mb), "--run-id-file", str(ident)]
    subprocess.run(command, env=stack.env, check=True, stdout=subprocess.DEVNULL)
    run = Run(f"Data/{ident.read_text()}")
    task = run["start"].task
    assert task is not None and task.finished_at is not None and run.data is not None
    return task.finished_at.timestamp() - run.data.done, run.data.took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rates: dict[str, list[tuple[float, float]]] = {}
    with Stack(sys.executable) as stack:
        os.environ.update(stack.env)
        for _ in range(given.rounds):
            rates.setdefault("raw S3, parts side by side, MB/s", []).append(raw(stack, given.mb))
            for kind in ("random", "zeros"):
                store, load = flow(stack, kind, given.mb)
                rates.setdefault(f"{given.mb} MB of {kind}, MB/s", []).append((given.mb / store, given.mb / load))
            rates.setdefault("1,000 small dicts, s", []).append(flow(stack, "dicts", 0))
    print(f"{'work':40} {'store':>10} {'load':>10}")
    for name, pairs in rates.items():
        store, load = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{name:40} {store:10.3f} {load:10.3f}")


if __name__ == "__main__":
    main()
