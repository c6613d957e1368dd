"""Decorators of a flow class that say what starts it once it is deployed: trigger, trigger_on_finish,
trigger_on_promotion, schedule.

Each trigger becomes one headwater.api.scheduler.v1.Trigger in JSON; any of them starts a run. They do nothing until
`python flow.py deploy`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from headwater.errors import FlowError
from headwater.flow.declare import flow_decorator
from headwater.flow.options import own_flow_options

C = TypeVar("C", bound=type)
EventLike = str | Mapping[str, Any]


@flow_decorator
def trigger(
    *,
    event: EventLike | None = None,
    events: Iterable[EventLike] | None = None,
    parameters: Mapping[str, str] | Iterable[Any] | None = None,
    filter: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Callable[[C], C]:
    """Starts the deployed flow whenever an event arrives.

    event: "model.promoted" (a fact of Headwater), "data.arrived" (anything published on hw.ext.<project>.data.arrived),
    or a dict {"name": …, "parameters": …, "filter": …}; events: several, each of which starts a run.
    parameters: parameter of the flow → field of the event (dots go deeper), or a list of names that are the same.
    filter: field of the event → value it must have. options is accepted for flows written for Metaflow and ignored.

        @trigger(event="data.arrived", parameters={"path": "file.path"}, filter={"kind": "csv"})
        class Ingest(FlowSpec): ...
    """
    given = [*([event] if event is not None else []), *(events or [])]
    if not given:
        raise FlowError('@trigger names no event. Fix: @trigger(event="data.arrived")')
    made = [{"event": _event(each, parameters, filter)} for each in given]
    return _adds("trigger", made)


@flow_decorator
def trigger_on_finish(
    *, flow: EventLike | None = None, flows: Iterable[EventLike] | None = None, options: Mapping[str, Any] | None = None
) -> Callable[[C], C]:
    """Starts the deployed flow after each successful run of another: @trigger_on_finish(flow="Train").

    A flow with @project waits for runs of its own project and branch; "project.branch.Flow", or a dict of name, project
    and project_branch, names another. options is accepted for flows written for Metaflow and ignored.
    """
    given = [*([flow] if flow is not None else []), *(flows or [])]
    made = [_finish(each) for each in given]
    if not made or not all(each["flow"] for each in made):
        raise FlowError('@trigger_on_finish names no flow. Fix: @trigger_on_finish(flow="Train")')
    return _adds("trigger_on_finish", [{"finish": each} for each in made])


@flow_decorator
def trigger_on_promotion(
    *, model: str | None = None, alias: str | None = None, parameters: Mapping[str, str] | Iterable[Any] | None = None
) -> Callable[[C], C]:
    """Starts the deployed flow when a version of a model gets an alias; all models, or all aliases, without a name.

    @trigger_on_promotion(model="churn", alias="champion")
    """
    wanted = {key: value for key, value in (("name", model), ("alias", alias)) if value}
    return _adds("trigger_on_promotion", [{"event": _event("model.promoted", parameters, wanted)}])


@flow_decorator
def schedule(
    *,
    cron: str | None = None,
    daily: bool = True,
    hourly: bool = False,
    weekly: bool = False,
    timezone: str | None = None,
    catch_up: str | None = None,
) -> Any:
    """Starts the deployed flow by the clock: @schedule(cron="*/5 * * * *"), or hourly, daily (the default), weekly at
    the start of the hour, day or week (Sunday). timezone: an IANA name, by default UTC. catch_up: what becomes of times
    that were missed: "once" (default) one run for all, "all" a run for each, "skip" none."""
    if catch_up not in (None, "once", "all", "skip"):
        raise FlowError(f"@schedule: catch_up={catch_up!r} is none of once, all, skip")
    text = cron or ("0 * * * *" if hourly else "0 0 * * 0" if weekly else "0 0 * * *" if daily else "")
    if not text:
        raise FlowError('@schedule says no time. Fix: @schedule(cron="0 6 * * *") or @schedule(daily=True)')
    body = {"cron": _cron(text)}
    if timezone is not None:
        body["timezone"] = _timezone(timezone)
    if catch_up is not None:
        body["catchUp"] = catch_up
    return _adds("schedule", [{"cron": body}])


def _adds(name: str, triggers: list[dict[str, Any]]) -> Callable[[C], C]:
    def decorate(cls: C) -> C:
        options = own_flow_options(flow_class(name, cls))
        options.triggers += triggers
        options.decorators.append(name)
        return cls

    return decorate


def flow_class(name: str, cls: Any) -> type:
    """The class that a decorator was put on. Raises FlowError when that is no flow."""
    from headwater.flow.spec import FlowSpec

    if not isinstance(cls, type) or not issubclass(cls, FlowSpec):
        raise FlowError(f"@{name} is put on {cls!r}. Fix: put it above the class of a flow")
    return cls


def _event(given: Any, parameters: Any, wanted: Mapping[str, Any] | None) -> dict[str, Any]:
    details: Mapping[str, Any] = {"name": given} if isinstance(given, str) else given
    name = details.get("name")
    if not isinstance(name, str) or not name or any(c.isspace() or c in "*>" for c in name) or "" in name.split("."):
        raise FlowError(
            f'@trigger: {name!r} is not the name of an event. Fix: words joined by dots, like "data.arrived"'
        )
    if unknown := set(details) - {"name", "parameters", "filter"}:
        raise FlowError(
            f"@trigger: event {name!r} has unknown {', '.join(sorted(unknown))}. Fix: use name, parameters, filter"
        )
    body: dict[str, Any] = {"name": name}
    if mapping := _mapping(name, details.get("parameters", parameters)):
        body["parameters"] = mapping
    if values := details.get("filter", wanted):
        body["filter"] = {str(field): _text(value) for field, value in values.items()}
    return body


def _mapping(event: str, given: Any) -> dict[str, str]:
    """Parameter → field, from a dict, or from a list of names and (parameter, field) pairs."""
    if not given:
        return {}
    items = cast("Mapping[Any, Any]", given).items() if isinstance(given, Mapping) else given
    pairs: list[Any] = [(each, each) if isinstance(each, str) else each for each in items]
    mapping: dict[str, str] = {}
    for pair in pairs:
        if len(pair) != 2 or not all(isinstance(part, str) and part for part in pair):
            raise FlowError(
                f'@trigger: parameters of {event!r} contain {pair!r}. Fix: {{"parameter": "field.of.the.event"}}'
            )
        mapping[pair[0]] = pair[1]
    return mapping


def _finish(given: EventLike) -> dict[str, Any]:
    """From "Flow", "project.branch.Flow", or {"name": …, "project": …, "project_branch": …}."""
    if isinstance(given, str):
        parts = given.split(".")
        name, project, branch = parts[-1], parts[0] if len(parts) > 2 else "", ".".join(parts[1:-1])
    else:
        name, project, branch = (str(given.get(key) or "") for key in ("name", "project", "project_branch"))
    tags = [f"{key}:{value}" for key, value in (("project", project), ("project_branch", branch)) if value]
    return {"flow": name, "tags": tags} if project and tags else {"flow": name}


def _text(value: Any) -> str:
    """A value of a filter as the scheduler compares it: JSON without quotes around text."""
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value)


def _cron(text: str) -> str:
    """Five fields; the six of AWS, with a year of * or ?, are taken too."""
    fields = text.split()
    if len(fields) == 6 and fields[5] in ("*", "?"):
        fields = fields[:5]
    if len(fields) != 5:
        raise FlowError(
            f"@schedule: cron={text!r} does not have five fields",
            hint='"minute hour day month weekday", like "0 6 * * *"',
        )
    return " ".join("*" if field == "?" else field for field in fields)


def _timezone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise FlowError(f'@schedule: {name!r} is not a time zone. Fix: a name like "Europe/Berlin"') from None
    return name
