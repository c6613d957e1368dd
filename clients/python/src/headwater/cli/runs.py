"""`headwater runs`, `runs compare`, `runs delete`, `run show`, `run cancel`."""

from typing import Any

import click

from headwater.cli import output
from headwater.cli.comparison import compare
from headwater.cli.ids import find_run, short
from headwater.cli.tracked import find_tracked
from headwater.cli.transfers import export_runs, import_archive
from headwater.errors import InvalidArgument, NotFound

STATES = ("running", "succeeded", "failed", "cancelled")


@click.group(invoke_without_command=True)
@click.option("--flow", default="", help="Only runs of this flow.")
@click.option("--state", type=click.Choice(STATES), default=None, help="Only runs in this state.")
@click.option("--tag", default="", help="Only runs with this tag.")
@click.option("--limit", "-n", type=click.IntRange(1, 100_000), default=20, show_default=True, help="At most so many.")
@output.json_option
@click.pass_context
def runs(ctx: click.Context, flow: str, state: str | None, tag: str, limit: int, as_json: bool) -> None:
    """List runs, newest first."""
    if ctx.invoked_subcommand is None:
        _list(flow, state, tag, limit, as_json)


@runs.command("list")
@click.option("--flow", default="", help="Only runs of this flow.")
@click.option("--state", type=click.Choice(STATES), default=None, help="Only runs in this state.")
@click.option("--tag", default="", help="Only runs with this tag.")
@click.option("--limit", "-n", type=click.IntRange(1, 100_000), default=20, show_default=True, help="At most so many.")
@output.json_option
def list_(flow: str, state: str | None, tag: str, limit: int, as_json: bool) -> None:
    """List runs, newest first."""
    _list(flow, state, tag, limit, as_json)


runs.add_command(compare)
runs.add_command(export_runs)
runs.add_command(import_archive)


@runs.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@click.option("--reason", default="", help="Told with the fact that it was deleted.")
@click.option("--force", is_flag=True, help="Tracked runs of no flow: also those that say that they are running.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@output.json_option
def delete(names: tuple[str, ...], reason: str, force: bool, yes: bool, as_json: bool) -> None:
    """Delete runs that are over, with their tasks, logs, metrics and artifacts, for good.

    RUN is FLOW/RUN, an id or the end of one; tracked runs that no flow made, such as MLflow's, go as well. What model
    versions and other runs need stays; the bytes of the rest leave the bucket a day later (`headwater gc`).
    """
    from headwater.client.http import API, connect, segment

    found = list({run["runId"]: run for run in map(_deletable, names)}.values())
    if not yes:
        what = ", ".join(f"{_whose(run)}/{short(run['runId'])}" for run in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        click.confirm(f"Delete {what}{more} for good?", abort=True, err=True)
    for run in found:
        place = "runs" if "flow" in run else "tracking/runs"
        query: dict[str, Any] = {"reason": reason} | ({} if "flow" in run else {"force": force})
        connect().call("DELETE", f"{API}/{place}/{segment(run['runId'])}", query=query)
        if not as_json:
            click.echo(f"Run {short(run['runId'])} of {_whose(run)} is deleted.")
    if as_json:
        output.print_json([{"runId": run["runId"], "flow": run.get("flow", "")} for run in found])


def _deletable(name: str) -> dict[str, Any]:
    """The run of a flow, or else a tracked run of no flow: that has no "flow"."""
    try:
        return find_run(name)
    except NotFound as error:
        try:
            return find_tracked(name)
        except (NotFound, InvalidArgument):
            raise error from None


def _whose(run: dict[str, Any]) -> str:
    return run.get("flow") or run.get("experiment", "")


def _list(flow: str, state: str | None, tag: str, limit: int, as_json: bool) -> None:
    from headwater.client.resources import list_runs

    wanted = f"RUN_STATE_{state.upper()}" if state else ""
    found = list(list_runs(flow=flow, state=wanted, tag=tag, limit=limit))
    if as_json:
        output.print_json(found)
        return
    columns = ("RUN", "FLOW", "STATE", "STARTED", "TOOK", "TASKS", "BY", "WHY")
    empty = "No such runs." if flow or state or tag else "No runs. `python flow.py run` starts one."
    output.table(columns, (_row(run) for run in found), empty=empty)


def _row(run: dict[str, Any]) -> tuple[Any, ...]:
    from headwater.client.resources import FINAL_RUN

    counts = run.get("tasks", {})
    done = int(counts.get("succeeded", 0))
    total = sum(int(value) for value in counts.values())
    why = run.get("failure", {}).get("message") or run.get("waitingFor") or run.get("trigger", {}).get("eventName", "")
    return (
        short(run["runId"]),
        run.get("flow", ""),
        "paused" if run.get("pausedAt") and run.get("state") not in FINAL_RUN else output.state(run.get("state")),
        output.when(run.get("createdAt")),
        output.duration(run.get("createdAt"), run.get("finishedAt")),
        f"{done}/{total}" if total else "",
        output.actor(run.get("createdBy")),
        why.splitlines()[0][:60] if why else "",
    )


class RunGroup(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """What is no command may have been meant as the file of a flow."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from headwater.compat.metaflow.run import did_you_mean

            text = f"{args[0]!r} is neither a command of `headwater run` nor a flow's file, which ends in .py."
            raise click.UsageError(text + did_you_mean(args[0], [*self.commands]), ctx) from None


@click.group(cls=RunGroup)
def run() -> None:
    """Show or cancel one run; or run a flow: `headwater run FLOW.py [COMMAND …]`.

    A flow file, also one that says `from metaflow import …`, takes what `python FLOW.py` takes; COMMAND is `run` where
    none is given.
    """


@run.command()
@click.argument("run_id", metavar="RUN")
@click.option("--tasks", "all_tasks", is_flag=True, help="List every task of a foreach, not only a summary.")
@output.json_option
def show(run_id: str, all_tasks: bool, as_json: bool) -> None:
    """Show a run: its steps and tasks, parameters, metrics, failure, and where it came from. RUN may be "latest"."""
    from headwater.cli import run_view

    found = find_run(run_id)
    view = run_view.fetch(found)
    if as_json:
        output.print_json(view)
    else:
        run_view.render(view, all_tasks=all_tasks)


@run.command()
@click.argument("run_id", metavar="RUN")
@output.json_option
def pause(run_id: str, as_json: bool) -> None:
    """Hand out no more tasks of a run; those that run go on."""
    _steer(run_id, "pause", as_json)


@run.command()
@click.argument("run_id", metavar="RUN")
@output.json_option
def resume(run_id: str, as_json: bool) -> None:
    """Let a paused run go on."""
    _steer(run_id, "resume", as_json)


def _steer(run_id: str, verb: str, as_json: bool) -> None:
    from headwater.client.http import API, connect, segment

    found = find_run(run_id)
    found = connect().call("POST", f"{API}/runs/{segment(found['runId'])}/{verb}", {}, repeatable=True)["run"]
    if as_json:
        output.print_json(found)
    else:
        how = "is paused" if found.get("pausedAt") else "goes on"
        click.echo(f"Run {short(found['runId'])} of {found.get('flow', '')} {how}.")


@run.command()
@click.argument("run_id", metavar="RUN")
@click.option("--reason", default="", help="Kept with the run.")
@output.json_option
def cancel(run_id: str, reason: str, as_json: bool) -> None:
    """Stop a run and its tasks."""
    from headwater.client.http import API, connect, segment
    from headwater.client.resources import FINAL_RUN

    found = find_run(run_id)
    was_over = found.get("state") in FINAL_RUN
    if not was_over:
        path = f"{API}/runs/{segment(found['runId'])}/cancel"
        found = connect().call("POST", path, {"reason": reason}, repeatable=True)["run"]
    if as_json:
        output.print_json(found)
    else:
        how = f"was over already: {output.state(found.get('state'))}" if was_over else "is cancelled"
        click.echo(f"Run {short(found['runId'])} of {found.get('flow', '')} {how}.")
