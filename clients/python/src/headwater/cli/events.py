"""`headwater events tail|publish|dlq`."""

import json
from collections.abc import Iterator
from typing import Any

import click

from headwater.cli import output
from headwater.cli.ids import find_run
from headwater.client.http import API, connect, segment

# What identifies a fact to a reader, in the order in which it is printed.
_SHOWN = (
    "flow",
    "runId",
    "step",
    "taskId",
    "attempt",
    "name",
    "alias",
    "version",
    "previousVersion",
    "state",
    "reason",
)


@click.group()
def events() -> None:
    """Follow and publish events; look after those that could not be handled."""


@events.command()
@click.option("--type", "type_", default="", help="Only this type, e.g. model.promoted.")
@click.option("--run", "run_id", default="", help="Only of this run.")
@click.option("--foreign", is_flag=True, help="Also what others publish on hw.ext.<project>.")
@click.option("--last", type=click.IntRange(0, 10_000), default=0, help="Begin with so many past events.")
@click.option("--count", "-n", type=click.IntRange(1), default=None, help="End after so many events.")
@output.json_option
def tail(type_: str, run_id: str, foreign: bool, last: int, count: int | None, as_json: bool) -> None:
    """Follow events as they happen, until Ctrl-C. With --json one object per line."""
    run = find_run(run_id)["runId"] if run_id else ""
    for number, event in enumerate(follow(type_=type_, run_id=run, foreign=foreign, last=last), 1):
        if as_json:
            click.echo(json.dumps(event, ensure_ascii=False))
        else:
            _print(event)
        if number == count:
            return


def follow(*, type_: str = "", run_id: str = "", foreign: bool = False, last: int = 0) -> Iterator[dict[str, Any]]:
    """Envelopes {"id", "type", "time", "subject", "data"} as they happen, after the `last` past ones."""
    conn = connect()
    query = {"type": type_, "run_id": run_id, "foreign": foreign or None, "last": last or None}
    for _, _, data in conn.stream(f"{API}/projects/{segment(conn.project)}/events", query):
        yield data


def _print(event: dict[str, Any]) -> None:
    time, type_ = output.when(event.get("time")), event.get("type", "")
    body = event.get("data")
    data = body if isinstance(body, dict) else {"value": body}
    shown = " ".join(f"{key}={data[key]}" for key in _SHOWN if data.get(key) not in (None, ""))
    if not shown:
        text = json.dumps(body, ensure_ascii=False)
        shown = text if len(text) <= 160 else f"{text[:159]}…"
    if output.fancy():
        colour = "red" if "failed" in type_ else "green" if "succeeded" in type_ or "promoted" in type_ else "cyan"
        click.echo(f"{click.style(time, dim=True)} {click.style(f'{type_:<22}', fg=colour)} {shown}")
    else:
        click.echo(f"{time} {type_:<22} {shown}")


@events.command()
@click.argument("name")
@click.argument("data", metavar="[JSON]", required=False, default="{}")
@output.json_option
def publish(name: str, data: str, as_json: bool) -> None:
    """Publish a foreign event: NAME such as data.arrived goes to hw.ext.<project>.data.arrived.

    JSON is its body, a JSON object. Deployed flows with @trigger(event=NAME) start.
    """
    try:
        body = json.loads(data)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="JSON") from None
    if not isinstance(body, dict):
        raise click.BadParameter('must be a JSON object such as \'{"uri": "…"}\'', param_hint="JSON")
    conn = connect()
    reply = conn.call("POST", f"{API}/projects/{segment(conn.project)}/events", {"name": name, "data": body})
    subject = reply.get("subject", f"hw.ext.{conn.project}.{name}")
    output.print_json({"subject": subject, **reply}) if as_json else click.echo(f"Published on {subject}.")


@events.group()
def dlq() -> None:
    """Dead letters: events that a service could not handle, with the reason."""


@dlq.command("list")
@click.option("--limit", "-n", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
@output.json_option
def dlq_list(limit: int, as_json: bool) -> None:
    """List dead letters, newest first."""
    found = connect().call("GET", f"{API}/dlq", query={"limit": limit}).get("letters", [])
    if as_json:
        output.print_json(found)
        return
    rows = (
        (each.get("seq", ""), output.when(each.get("time")), each.get("service", ""), each.get("subject", ""),
         each.get("error", "").splitlines()[0][:80] if each.get("error") else "")
        for each in found
    )  # fmt: skip
    output.table(("SEQ", "WHEN", "SERVICE", "SUBJECT", "ERROR"), rows, empty="No dead letters.")


@dlq.command("show")
@click.argument("seq", type=int)
@output.json_option
def dlq_show(seq: int, as_json: bool) -> None:
    """Show one dead letter with its body."""
    letter = connect().call("GET", f"{API}/dlq/{seq}")["letter"]
    if as_json:
        output.print_json(letter)
        return
    output.fields(
        [
            ("Seq", letter.get("seq")),
            ("When", output.when(letter.get("time"))),
            ("Service", letter.get("service")),
            ("Subject", letter.get("subject")),
            ("Error", letter.get("error")),
        ]
    )
    click.echo()
    body = letter.get("data", letter.get("body", ""))
    click.echo(body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False))


@dlq.command("retry")
@click.argument("seq", type=int)
@output.json_option
def dlq_retry(seq: int, as_json: bool) -> None:
    """Publish a dead letter again under its original subject, and remove it."""
    reply = connect().call("POST", f"{API}/dlq/{seq}/retry", {})
    output.print_json(reply) if as_json else click.echo(f"Dead letter {seq} was published again.")
