"""`headwater flows`, `deploy FILE`, `undeploy NAME`."""

import re
import sys
from pathlib import Path
from typing import Any

import click

from headwater.cli import output
from headwater.cli.ids import short
from headwater.client.http import API, connect, segment
from headwater.errors import FlowError, HeadwaterError

_METAFLOW = re.compile(r"^\s*(from|import)\s+metaflow\b", re.MULTILINE)


@click.command()
@output.json_option
def flows(as_json: bool) -> None:
    """List flows that ran or are deployed, with what starts them."""
    conn = connect()
    base = f"{API}/projects/{segment(conn.project)}"
    ran = {each["flow"]: each for each in conn.call("GET", f"{base}/flows").get("flows", [])}
    deployed = {each["name"]: each for each in conn.call("GET", f"{base}/deployments").get("deployments", [])}
    if as_json:
        output.print_json({"flows": list(ran.values()), "deployments": list(deployed.values())})
        return
    rows = (_row(name, ran.get(name, {}), deployed.get(name)) for name in sorted({*ran, *deployed}))
    output.table(("FLOW", "RUNS", "LATEST", "STATE", "STARTED", "DEPLOYED", "STARTED BY"), rows, empty="No flows.")


def _row(name: str, ran: dict[str, Any], deployment: dict[str, Any] | None) -> tuple[Any, ...]:
    latest = ran.get("latest", {})
    paused = ", paused" if deployment and deployment.get("pausedAt") else ""
    return (
        name,
        int(ran.get("runs", 0)),
        short(latest.get("runId", "")),
        output.state(latest.get("state")),
        output.when(latest.get("createdAt")),
        f"version {deployment.get('version', 1)}{paused}" if deployment else "",
        "; ".join(trigger_text(each) for each in deployment.get("triggers", ())) if deployment else "",
    )


def trigger_text(trigger: dict[str, Any]) -> str:
    """One line about what starts a deployed flow."""
    if several := trigger.get("all"):
        return " and ".join(trigger_text(each) for each in several.get("of", ()))
    if event := trigger.get("event"):
        only = ", ".join(f"{field}={value}" for field, value in sorted(event.get("filter", {}).items()))
        return f"event {event.get('name', '')}{f' ({only})' if only else ''}"
    if finish := trigger.get("finish"):
        return f"after {finish.get('flow', '')}"
    cron = trigger.get("cron", {})
    return f"cron {cron.get('cron', '')} {cron.get('timezone', '')}".strip()


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--param", "-p", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of its runs.")
@click.option("--tag", "tags", multiple=True, help="A tag of its runs.")
@click.option("--flow", "class_name", default="", help="The flow's class, when the file has several.")
@output.json_option
def deploy(file: Path, params: tuple[str, ...], tags: tuple[str, ...], class_name: str, as_json: bool) -> None:
    """Deploy the flow in FILE: from now on its triggers start it. Deploying again replaces it."""
    from headwater.flow.deploy import deploy_flow
    from headwater.flow.terminal import Terminal

    values = dict(_pair(each) for each in params)
    cls = load_class(file, class_name)
    deployment = deploy_flow(cls, values, list(tags), [], Terminal(quiet=as_json))
    if as_json:
        output.print_json(deployment)
        return
    click.echo(f"{deployment['name']} version {deployment.get('version', 1)} is deployed.")
    for each in deployment.get("triggers", ()):
        click.echo(f"  started by: {trigger_text(each)}")
    if not deployment.get("triggers"):
        click.echo("  Nothing starts it by itself: it has no @trigger, @trigger_on_finish or @schedule.")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--param")
    return name, value


def load_class(file: Path, name: str = "") -> type:
    """The flow class of a file. Raises FlowError: the file cannot be imported, has none, or has several."""
    from headwater.flow.spec import FlowSpec
    from headwater.runtime import load

    path = file.absolute()
    sys.path.insert(0, str(path.parent))
    if _METAFLOW.search(path.read_text(encoding="utf-8", errors="replace")):
        from headwater.compat.metaflow import install

        install()
    try:
        module = load._import(str(path))
    except HeadwaterError:
        raise
    except (Exception, SystemExit) as error:
        raise FlowError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    found = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, FlowSpec) and value.__module__ == module.__name__
    }
    if name:
        if name not in found:
            raise FlowError(f"{file} has no flow {name!r}; it has {', '.join(found) or 'none'}")
        return found[name]
    if len(found) != 1:
        hint = "name one with --flow" if found else "define a class that inherits from FlowSpec"
        raise FlowError(f"{file} has {len(found) or 'no'} flows{': ' if found else ''}{', '.join(found)}", hint=hint)
    return next(iter(found.values()))


@click.command()
@click.argument("name")
@output.json_option
def undeploy(name: str, as_json: bool) -> None:
    """Take a deployed flow away; its runs stay."""
    conn = connect()
    conn.call("DELETE", f"{API}/projects/{segment(conn.project)}/deployments/{segment(name)}")
    output.print_json({"name": name, "deployed": False}) if as_json else click.echo(f"{name} is no longer deployed.")
