"""Measurements that are more than one timed command: resume of a failed run, and many runs that want the slots."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
CROWD = 200


def resume(python: str, env: dict[str, str], slots: int, rounds: int = 5) -> list[float]:
    """Seconds that `resume` takes after the last of three steps has failed."""
    broken = Path(env["BENCH_DIR"]) / "broken"
    command = [python, str(HERE / "flows" / "broken.py"), "--no-pylint"]
    walls = []
    for _ in range(rounds):
        broken.touch()
        first = [*command, "run", "--broken", str(broken)]
        failed = subprocess.run(first, env=env, cwd=env["BENCH_DIR"], capture_output=True)
        assert failed.returncode == 1, failed.stderr[-2000:]
        broken.unlink()
        begin = time.perf_counter()
        done = subprocess.run(
            [*command, "resume", "--max-workers", str(slots)], env=env, cwd=env["BENCH_DIR"], capture_output=True
        )
        walls.append(time.perf_counter() - begin)
        assert done.returncode == 0, done.stderr[-2000:]
    return walls


def crowd(env: dict[str, str]) -> tuple[list[float], float]:
    """Starts 200 runs of five steps at once; returns the gaps between their steps (seconds) and how long all took."""
    headwater = [str(Path(sys.executable).parent / "headwater")]
    subprocess.run([*headwater, "deploy", str(HERE / "flows" / "short.py")], env=env, check=True, capture_output=True)
    exports = exports_of(env)
    begin = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: start(exports, "Short"), range(CROWD)))
    for run in runs:
        while (state := _get(exports, f"/api/v1/runs/{run}")["run"]["state"]) == "RUN_STATE_RUNNING":
            time.sleep(0.2)
        assert state == "RUN_STATE_SUCCEEDED", state
    took = time.perf_counter() - begin
    gaps = "[gap for run in headwater.Flow('Short') for gap in run['end'].task['gaps'].data]"
    code = f"import json, headwater; print(json.dumps({gaps}))"
    read = subprocess.run([sys.executable, "-c", code], env=os.environ | env | exports, capture_output=True, text=True)
    assert read.returncode == 0, read.stderr[-2000:]
    return json.loads(read.stdout), took


def exports_of(env: dict[str, str]) -> dict[str, str]:
    """What `headwater env` says a client needs."""
    headwater = str(Path(sys.executable).parent / "headwater")
    said = subprocess.run([headwater, "env"], env=env, check=True, capture_output=True, text=True).stdout
    lines = said.replace("'", "").splitlines()
    return dict(line.removeprefix("export ").partition("=")[::2] for line in lines)


def start(exports: dict[str, str], deployment: str) -> str:
    """The id of a new run."""
    return _call(exports, "/api/v1/projects/default/runs", {"deployment": deployment})["run"]["runId"]


def _get(exports: dict[str, str], path: str) -> dict:
    return _call(exports, path, None)


def _call(exports: dict[str, str], path: str, body: dict[str, object] | None) -> dict:
    request = urllib.request.Request(
        exports["HEADWATER_URL"] + path,
        json.dumps(body).encode() if body is not None else None,
        {"Authorization": f"Bearer {exports['HEADWATER_TOKEN']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)
