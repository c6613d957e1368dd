"""`make bench PEERS=<venv with mlflow>`: the real MlflowClient against a floor, MLflow's server and Headwater.

    python tests/bench/tracking.py --peers VENV [--quick] [--only SIDE] [--points 100000000] [--write]

Sides: floor (answers made before), mlflow (its default: 4 workers, sqlite), mlflow-1 (--workers 1), headwater, and
large: what only Headwater is measured on. Everything starts in folders and on ports of its own, and is stopped and
removed at the end. Prints a JSON line per measurement and the table of docs/benchmarks.md (--write puts it there).
"""

import argparse
import asyncio
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import raw

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "benchmarks.md"
SIDES = ("floor", "mlflow", "mlflow-1", "headwater", "large")
TITLES = {
    "floor": "floor", "mlflow": "MLflow, default (4 workers)", "mlflow-1": "MLflow, 1 worker", "headwater": "Headwater",
}  # fmt: skip
# case: (unit, decimals, goal, is more better?)
CASES: dict[str, tuple[str, int, str, bool]] = {
    "log_metric, one client": ("/s", 0, "400/s", True),
    "log_batch of 1000, one client": (" metrics/s", 0, "30,000", True),
    "log_batch of 1000, 4 processes": (" metrics/s", 0, "40,000", True),
    "create + finish runs": ("/s", 0, "150/s", True),
    "search 10,000 runs": (" ms", 1, "35 ms", False),
    "search 10,000 runs, server side": (" ms", 1, "8 ms", False),
    "page of 1000 runs": (" ms", 0, "300 ms", False),
    "history of 100,000 points": (" ms", 0, "1,800 ms", False),
    "artifact of 200 MB up": (" MB/s", 0, "312 MB/s", True),
    "artifact of 200 MB down": (" MB/s", 0, "199 MB/s", True),
}
PATIENCE = 240.0


@dataclass
class Server:
    """A running one, and what a client must know of it. database: of Headwater's tracking."""

    pid: int
    environ: dict[str, str]
    search: str = ""
    database: str = ""


@dataclass
class Results:
    by_case: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    large: list[dict[str, Any]] = field(default_factory=list)

    def add(self, side: str, row: dict[str, Any]) -> None:
        print(json.dumps({"side": side} | row), flush=True)
        self.by_case.setdefault(row["case"], {})[side] = row


def free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return line.getsockname()[1]


def await_answer(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"{process.args} ended with {process.returncode}:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url} did not answer within {PATIENCE:.0f} s:\n{log.read_text()[-2000:]}")


@contextmanager
def child(command: list[str], environ: dict[str, str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A server in a process group of its own, all of which ends with this."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environ, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        for what in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, what)
            except ProcessLookupError:
                break
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                continue
            time.sleep(0.2)


def settle(pid: int) -> None:
    """Waits until a server that answers already has done with what it starts beside: at most a minute."""
    os.environ["BENCH_SERVER_PID"] = str(pid)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        before = raw.server_cpu()
        time.sleep(2)
        if raw.server_cpu() - before < 0.4:
            return


def clean_environ() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "HEADWATER_", "OTEL_"))}


def client_environ(url: str, pid: int, token: str = "") -> dict[str, str]:
    told = {
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "GIT_PYTHON_REFRESH": "quiet",
        "BENCH_SERVER_PID": str(pid),
        "PYTHONPATH": str(HERE),
    }
    return clean_environ() | told | ({"MLFLOW_TRACKING_TOKEN": token} if token else {})


@contextmanager
def floor(folder: Path) -> Iterator[Server]:
    port = free_port()
    with child([sys.executable, str(HERE / "floor.py"), str(port)], clean_environ(), folder) as process:
        await_answer(f"http://127.0.0.1:{port}/", process, folder / "server.log")
        yield Server(process.pid, client_environ(f"http://127.0.0.1:{port}", process.pid), search="1")


@contextmanager
def mlflow(folder: Path, peers: Path, workers: int | None) -> Iterator[Server]:
    """MLflow's server as its documentation starts it: sqlite, artifacts in a folder, through the server."""
    port, database = free_port(), folder / "mlflow.db"
    environ = clean_environ() | {"PATH": f"{peers / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(HERE)}
    fill = [str(peers / "bin" / "python"), str(HERE / "fill.py"), f"sqlite:///{database}"]
    filled = subprocess.run(fill, env=environ, cwd=folder, capture_output=True, text=True)
    if filled.returncode:
        raise SystemExit(f"{fill} failed:\n{filled.stderr[-2000:]}")
    command = [str(peers / "bin" / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(folder / "artifacts")]
    command += ["--workers", str(workers)] if workers else []
    with child(command, environ, folder) as process:
        await_answer(f"http://127.0.0.1:{port}/health", process, folder / "server.log")
        search = filled.stdout.split()[-1]
        yield Server(process.pid, client_environ(f"http://127.0.0.1:{port}", process.pid), search=search)


@contextmanager
def headwater(folder: Path) -> Iterator[Server]:
    """The embedded stack: all services, NATS, Postgres with fsync and S3."""
    from fill import fill_headwater

    environ = clean_environ() | {"HEADWATER_HOME": str(folder)}
    command = [str(Path(sys.executable).parent / "headwater")]
    try:
        up = subprocess.run([*command, "up", "--detach"], env=environ, capture_output=True, text=True)
        if up.returncode:
            raise SystemExit(f"headwater up failed:\n{up.stdout[-1000:]}{up.stderr[-2000:]}")
        state = json.loads((folder / "stack.json").read_text())
        secret = json.loads((folder / "state" / "secrets.json").read_text())["postgres"]["tracking"]
        url = f"postgresql://tracking:{secret}@127.0.0.1:{state['postgres_port']}/headwater"
        told = client_environ(state["url"], state["pid"], (folder / "token").read_text().strip())
        yield Server(state["pid"], told, search=asyncio.run(fill_headwater(url)), database=url)
    finally:
        subprocess.run([*command, "down"], env=environ, capture_output=True)


def run_client(python: Path, server: Server, side: str, args: argparse.Namespace, results: Results) -> None:
    command = [str(python), str(HERE / "mlflow_client.py"), "--search", server.search]
    command += ["--artifact-mb", str(args.artifact_mb)] + (["--quick"] if args.quick else [])
    process = subprocess.Popen(command, env=server.environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("{"):
                results.add(side, json.loads(line))
    finally:
        process.kill() if process.poll() is None and sys.exc_info()[0] else None
        if process.wait():
            print(f"{side}: the client ended with {process.returncode}", file=sys.stderr)


def large(server: Server, args: argparse.Namespace, results: Results) -> None:
    import big

    big.environment(server.environ)
    rows = [asyncio.run(big.search(server.database, 10_000 if args.quick else big.RUNS))]
    print(json.dumps(rows[0]), flush=True)
    if args.points:
        rows += asyncio.run(big.points(server.database, args.points))
        for row in rows[1:]:
            print(json.dumps(row), flush=True)
    results.large += rows


def measure(args: argparse.Namespace) -> Results:
    results, peers = Results(), Path(args.peers).absolute() if args.peers else None
    for side in SIDES:
        if args.only and side not in args.only.split(","):
            continue
        if peers is None and side != "large":
            print(f"{side}: skipped, it takes --peers", file=sys.stderr)
            continue
        folder = Path(tempfile.mkdtemp(prefix=f"headwater-bench-{side}-"))
        try:
            if side == "large":
                with headwater(folder) as server:
                    large(server, args, results)
                continue
            assert peers is not None
            makes = {
                "floor": lambda at: floor(at),
                "mlflow": lambda at: mlflow(at, peers, None),
                "mlflow-1": lambda at: mlflow(at, peers, 1),
                "headwater": lambda at: headwater(at),
            }
            with makes[side](folder) as server:
                settle(server.pid)
                run_client(peers / "bin" / "python", server, side, args, results)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return results


def shown(case: str, row: dict[str, Any] | None, *, cpu: bool) -> str:
    if row is None:
        return "–"
    unit, decimals, _, _ = CASES.get(case, ("", 1, "", True))
    spread = f" ({row['low']:,.{decimals}f}–{row['high']:,.{decimals}f})" if row["low"] != row["high"] else ""
    used = f"; {row['cpu_ms']:.3g} CPU-ms" if cpu and row["cpu_ms"] else ""
    return f"{row['value']:,.{decimals}f}{unit}{spread}{used}"


def ratio(case: str, rows: dict[str, dict[str, Any]]) -> str:
    """Against the better of MLflow's two."""
    more = CASES.get(case, ("", 0, "", "ms" not in case))[3]
    theirs = [rows[side]["value"] for side in ("mlflow", "mlflow-1") if side in rows]
    if not theirs or "headwater" not in rows:
        return "–"
    own, best = rows["headwater"]["value"], max(theirs) if more else min(theirs)
    return f"{own / best if more else best / own:.1f} ×"


def table(results: Results) -> str:
    sides = list(TITLES)
    lines = [
        "| work | " + " | ".join(TITLES[side] for side in sides) + " | ratio | goal |",
        "|---" * (len(sides) + 3) + "|",
    ]
    for case in [*CASES, *(case for case in results.by_case if case not in CASES)]:
        if rows := results.by_case.get(case):
            cells = " | ".join(shown(case, rows.get(side), cpu=side != "floor") for side in sides)
            lines.append(f"| {case} | {cells} | {ratio(case, rows)} | {CASES.get(case, ('', 0, '–', True))[2]} |")
    return "\n".join(lines) + ("\n\n" + large_table(results.large) if results.large else "")


def large_table(rows: list[dict[str, Any]]) -> str:
    lines = ["| Headwater alone | measured | goal |", "|---|---|---|"]
    for row in rows:
        parts: list[str] = []
        goal = "–"
        if "p50" in row:
            parts.append(f"p50 {row['p50']:.1f} ms, p99 {row['p99']:.1f} ms")
            goal = "p50 15 ms, p99 60 ms" if row["case"].startswith("search") else "p50 10 ms"
        if "value" in row:
            parts.append(
                f"{row['value']:,.0f} points/s, {row['took_s']:,.0f} s, {row['cpu_ms'] * 1000:.0f} CPU-µs/point"
            )
            goal = "finishes"
        if "packing_s" in row:
            parts.append(f"packed in {row['packing_s']:,.0f} s")
        if "loose_bytes" in row:
            parts.append(f"rows {row['loose_bytes'] / 1e9:.2f} GB, packed {row['packed_bytes'] / 1e9:.2f} GB")
        lines.append(f"| {row['case']} | {'; '.join(parts)} | {goal} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="virtual environment with mlflow")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, once: does it run?")
    parser.add_argument("--only", default="", help=f"of these sides, by commas: {', '.join(SIDES)}")
    parser.add_argument("--points", type=int, default=0, help="also log so many points to Headwater, e.g. 100000000")
    parser.add_argument("--artifact-mb", type=int, default=200)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    args = parser.parse_args()
    if unknown := set(filter(None, args.only.split(","))) - set(SIDES):
        parser.error(f"--only: {', '.join(unknown)} is none of {', '.join(SIDES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    made = table(measure(args))
    print(f"\n{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} CPUs\n\n{made}")
    if args.write:
        text, mark = PAGE.read_text(), r"(<!-- tracking -->\n).*?(<!-- /tracking -->)"
        PAGE.write_text(re.sub(mark, lambda m: f"{m[1]}{made}\n{m[2]}", text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
