"""What `make demo` shows: the whole platform on this machine, from a flow to a promoted model and what follows from it.

Starts a stack when none runs, deploys score.py, runs flow.py, follows both by events (it never polls), and sums up.
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
from progress import Progress

from headwater.cli.main import report
from headwater.cli.stack import ensure_up
from headwater.client import Run
from headwater.client.http import API, connect
from headwater.errors import HeadwaterError
from headwater.models import ModelVersion, Promotion, get_version, list_promotions

HERE = Path(__file__).parent
HEADWATER = [sys.executable, "-m", "headwater.cli.main"]


def main() -> int:
    """The exit status: 0 when everything succeeded."""
    began = time.monotonic()
    ensure_up()
    say(f"The platform is up: {connect().server.url}")
    command("headwater deploy examples/digits/score.py", [*HEADWATER, "deploy", str(HERE / "score.py")])
    run_id = command(
        "python examples/digits/flow.py run", [sys.executable, str(HERE / "flow.py"), "--quiet", "run", "--detach"]
    )
    run = follow(run_id.splitlines()[-1])
    if not run.successful:
        click.echo(f"The run {run.state}: {run.failure}. Look at it with: headwater run show {run.id[-8:]}", err=True)
        return 1
    version = get_version("digits@champion")
    promotion = next(each for each in list_promotions("digits", "champion") if each.version == version.version)
    say("The promotion is an event, and starts the deployed flow ScoreChampion:")
    scored = follow(triggered_by(promotion))
    summary(run, version, promotion, scored, time.monotonic() - began)
    return 0 if scored.successful else 1


def say(text: str) -> None:
    click.echo(f"\n{click.style(text, bold=True)}")


def command(shown: str, arguments: list[str]) -> str:
    """Runs a command as a user would type it; returns its output."""
    say(f"$ {shown}")
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(done.returncode)
    click.echo(done.stdout.rstrip())
    return done.stdout.strip()


def follow(run_id: str) -> Run:
    """Shows a run until it is over."""
    run = Run(run_id)
    with Progress(run.graph) as progress:
        for event, _, data in connect().stream(f"{API}/runs/{run.id}/stream"):
            if event not in ("snapshot", "end"):
                progress.take(event, data.get("data", {}))
    return Run(run.id)


def triggered_by(promotion: Promotion) -> str:
    """The id of the run that a promotion started, from the stream of events: past ones first, then as they come."""
    conn = connect()
    query = {"type": "run.started", "last": 200}
    for _, _, event in conn.stream(f"{API}/projects/{conn.project}/events", query, until=time.monotonic() + 60):
        fact = event.get("data", {})
        if fact.get("trigger", {}).get("eventId") == promotion.event_id and fact.get("flow") == "ScoreChampion":
            return fact["runId"]
    raise HeadwaterError("the stream of events ended")


def summary(run: Run, version: ModelVersion, promotion: Promotion, scored: Run, seconds: float) -> None:
    """What happened, and where to look further."""
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in sorted(version.metrics.items()))
    tried = run["choose"].task.data.ranking
    result = scored["start"].task.data
    say(f"Done in {seconds:.1f} s.")
    lines: list[tuple[str, Any]] = [
        ("run", f"{run.flow} {run.id} {run.state}: {len(tried)} networks trained and compared"),
        ("best", f"{version}: {version.type.rsplit('.', 1)[-1]} {tried[0]['layers']}, rate {tried[0]['rate']}"),
        ("metrics", metrics),
        ("promoted", f"{promotion.name}@{promotion.alias} → version {promotion.version} by {promotion.actor}"),
        ("why", promotion.reason),
        ("follow-up", f"{scored.flow} {scored.id} {scored.state}, started by event {promotion.event_id}"),
        ("scored", f"{result.model}: {result.accuracy:.4f} on held-out images, {len(result.mistakes)} mistakes"),
    ]
    for name, text in lines:
        click.echo(f"  {click.style(f'{name:<10}', fg='cyan')}{text}")
    say("Look further:")
    for line, about in (
        ("headwater runs", "what ran"),
        (f"headwater run show {run.id[-8:]}", "its tasks, parameters and metrics"),
        ("headwater experiments show DigitsFlow --sort accuracy", "the networks side by side"),
        ("headwater models show digits", "versions, aliases, who promoted what and why"),
        ("headwater events tail --last 50", "everything that happened, as it happens"),
        ("headwater down", "stop the platform; `headwater up` brings all of it back"),
    ):
        click.echo(f"  {line:<56}{click.style(about, dim=True)}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HeadwaterError as error:
        sys.exit(report(error))
    except KeyboardInterrupt:
        sys.exit(130)
