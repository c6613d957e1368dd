"""`make bench`: times flows on the embedded stack and, with --peers VENV, the same files under Metaflow, in turns.

Prints one JSON line per measurement and, at the end, the table of docs/benchmarks.md (--write puts it there).
CPU seconds are those of the command and all its descendants plus those of every process of the stack.
"""

import argparse
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import special

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Case:
    name: str
    flow: str
    options: tuple[str, ...]
    rounds: int
    peer: bool
    goal: str


CASES = [
    Case("hello: 3 steps, whole command", "hello.py", (), 5, True, "0.30 s, 0.30 CPU-s"),
    Case("step to step, trivial", "chain.py", (), 5, True, "p50 4 ms, p99 25 ms"),
    Case("step to step, scikit-learn imported", "chain_sklearn.py", (), 5, True, "p50 12 ms"),
    Case("foreach of 100, 2 slots", "fanout.py", ("--width", "100"), 5, True, "0.8 s"),
    Case(
        "foreach of 10,000, 2 slots",
        "fanout.py",
        ("--width", "10000", "--max-num-splits", "10000"),
        1,
        False,
        "30 s, services' RSS growth < 50 MB",
    ),
    Case(
        'foreach of 10,000, @isolation("none")',
        "fanout_reused.py",
        ("--width", "10000", "--max-num-splits", "10000"),
        1,
        False,
        "–",
    ),
    Case(
        'foreach of 100,000, @isolation("none")',
        "fanout_reused.py",
        ("--width", "100000", "--max-num-splits", "100000"),
        1,
        False,
        "bounded memory",
    ),
]


RESUME = "resume after the last of 3 steps failed"
CROWD = "200 runs of 5 steps at once: step to step"


class Stack:
    """The embedded stack in a home of its own."""

    def __init__(self, python: str) -> None:
        self.home = tempfile.mkdtemp(prefix="headwater-bench-")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("HEADWATER_")} | {
            "HEADWATER_HOME": self.home
        }
        self.command = [str(Path(python).parent / "headwater")]

    def __enter__(self) -> "Stack":
        for label in ("cold start", "warm start"):
            begin = time.perf_counter()
            subprocess.run([*self.command, "up", "--detach"], env=self.env, check=True, stdout=subprocess.DEVNULL)
            say(case=label, wall_s=time.perf_counter() - begin)
            if label == "cold start":
                begin = time.perf_counter()
                subprocess.run([*self.command, "down"], env=self.env, check=True, stdout=subprocess.DEVNULL)
                say(case="stop", wall_s=time.perf_counter() - begin)
        time.sleep(3)
        say(case="idle", pss_mb=self.pss_mb())
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([*self.command, "down"], env=self.env, stdout=subprocess.DEVNULL)
        shutil.rmtree(self.home, ignore_errors=True)

    def processes(self) -> list[psutil.Process]:
        state = json.loads((Path(self.home) / "stack.json").read_text())
        root = psutil.Process(state["pid"])
        return [root, *root.children(recursive=True)]

    def cpu(self) -> float:
        total = 0.0
        for process in self.processes():
            try:
                total += sum(process.cpu_times()[:4])
            except psutil.NoSuchProcess:
                continue
        return total

    def pss_mb(self) -> float:
        return sum(p.memory_full_info().pss for p in self.processes()) / 1e6

    def services_rss_mb(self) -> float:
        pid = json.loads((Path(self.home) / "stack.json").read_text())["processes"].get("all")
        return psutil.Process(pid).memory_info().rss / 1e6 if pid else 0.0


def say(**row: object) -> None:
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}), flush=True)


def run(python: str, case: Case, env: dict[str, str], stack: Stack | None, slots: int) -> dict[str, object]:
    """Runs the flow once; returns wall and CPU seconds and what the flow itself reported."""
    command = [
        python,
        str(HERE / "flows" / case.flow),
        "--no-pylint",
        "run",
        "--max-workers",
        str(slots),
        *case.options,
    ]
    before, own = stack.cpu() if stack else 0.0, resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=env["BENCH_DIR"])
    wall = time.perf_counter() - begin
    time.sleep(0.5)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - own.ru_utime - own.ru_stime + (stack.cpu() - before if stack else 0.0)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    said = dict(re.findall(r"(\w+)=(\S+)", "".join(re.findall(r"BENCH (package=.*)", done.stdout + done.stderr))))
    if said.get("package") != env["BENCH_PEER"]:
        raise SystemExit(f"the flow ran under {said.get('package')!r}, not {env['BENCH_PEER']!r}")
    gaps = [float(g) for g in str(said.get("gaps_ms", "")).split(",") if g]
    return {"wall_s": wall, "cpu_s": cpu, "gaps_ms": gaps}


def summary(rows: list[dict[str, object]]) -> str:
    gaps = sorted(g for row in rows for g in row["gaps_ms"])  # type: ignore[union-attr]
    if gaps:
        p99 = gaps[min(len(gaps) - 1, int(len(gaps) * 0.99))]
        return f"p50 {statistics.median(gaps):.1f} ms, p99 {p99:.1f} ms (n={len(gaps)})"
    walls, cpus = [r["wall_s"] for r in rows], [r["cpu_s"] for r in rows]
    spread = f" ({min(walls):.2f}–{max(walls):.2f})" if len(walls) > 1 else ""  # type: ignore[type-var]
    return f"{statistics.median(walls):.2f} s{spread}, {statistics.median(cpus):.2f} CPU-s"  # type: ignore[type-var]


def key(rows: list[dict[str, object]]) -> float:
    gaps = [g for row in rows for g in row["gaps_ms"]]  # type: ignore[union-attr]
    return statistics.median(gaps) if gaps else statistics.median(r["wall_s"] for r in rows)  # type: ignore[type-var,return-value]


def measure(args: argparse.Namespace, stack: Stack) -> list[str]:
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        ours = stack.env | {"BENCH_PEER": "headwater", "BENCH_DIR": scratch, "USER": "bench"}
        theirs = {
            **os.environ,
            "BENCH_PEER": "metaflow",
            "BENCH_DIR": scratch,
            "USER": "bench",
            "METAFLOW_HOME": scratch,
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": scratch,
        }
        for case in CASES:
            if args.only and args.only not in case.name:
                continue
            run(sys.executable, case, ours, stack, args.slots) if case.rounds > 1 else None  # warm-up
            rss = stack.services_rss_mb()
            mine: list[dict[str, object]] = []
            peer: list[dict[str, object]] = []
            for _ in range(case.rounds):
                mine.append(run(sys.executable, case, ours, stack, args.slots))
                say(case=case.name, side="headwater", **mine[-1])
                if args.peers and case.peer:
                    peer.append(run(str(Path(args.peers) / "bin" / "python"), case, theirs, None, args.slots))
                    say(case=case.name, side="metaflow", **peer[-1])
            grown = f", services' RSS +{stack.services_rss_mb() - rss:.0f} MB" if case.rounds == 1 else ""
            ratio = f"{key(peer) / key(mine):.1f} ×" if peer else "–"
            lines.append(
                f"| {case.name} | {summary(peer) if peer else '–'} | {summary(mine)}{grown} | {ratio} | {case.goal} |"
            )
        if not args.only or args.only in RESUME:
            lines.append(resume_line(args, ours, theirs))
        if not args.only or args.only in CROWD:
            gaps, took = special.crowd(ours)
            say(case=CROWD, took_s=took, gaps=len(gaps))
            found = summary([{"gaps_ms": [g * 1000 for g in gaps]}])
            lines.append(f"| {CROWD} | – | {found}; all in {took:.1f} s | – | p99 250 ms |")
    return lines


def resume_line(args: argparse.Namespace, ours: dict[str, str], theirs: dict[str, str]) -> str:
    mine = special.resume(sys.executable, ours, args.slots)
    peer = special.resume(str(Path(args.peers) / "bin" / "python"), theirs, args.slots, 3) if args.peers else []
    say(case=RESUME, headwater_s=str(mine), metaflow_s=str(peer))
    texts = [f"{statistics.median(w):.2f} s ({min(w):.2f}–{max(w):.2f})" if w else "–" for w in (peer, mine)]
    ratio = f"{statistics.median(peer) / statistics.median(mine):.1f} ×" if peer else "–"
    return f"| {RESUME} | {texts[0]} | {texts[1]} | {ratio} | 0.3 s |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="virtual environment with metaflow (and numpy, pandas, scikit-learn)")
    parser.add_argument("--only", help="cases whose name contains this text")
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    args = parser.parse_args()
    with Stack(sys.executable) as stack:
        lines = measure(args, stack)
    table = "\n".join(["| work | Metaflow | Headwater | ratio | goal |", "|---|---|---|---|---|", *lines])
    print(f"\n{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} CPUs\n\n{table}")
    if args.write:
        text = PAGE.read_text()
        PAGE.write_text(
            re.sub(r"(<!-- flows -->\n).*?(<!-- /flows -->)", lambda m: m[1] + table + "\n" + m[2], text, flags=re.S)
        )


if __name__ == "__main__":
    main()
