"""Decorators of a flow class that say what starts it once it is deployed: trigger, trigger_on_finish,
trigger_on_promotion, schedule.

Each decorator becomes one headwater.api.scheduler.v1.Trigger in JSON; any of them starts a run. They do nothing until
`python flow.py deploy`, when functions that stand for a part of them are called.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar, cast

from headwater.errors import FlowError
from headwater.flow.declare import flow_decorator
from headwater.flow.options import own_flow_options

C = TypeVar("C", bound=type)
# A function of the context that gives what could stand in its place.
Deferred = Callable[[Any], Any]
EventLike = str | Mapping[str, Any] | Deferred


@flow_decorator
def trigger(
    *,
    event: EventLike | None = None,
    events: Iterable[EventLike] | Deferred | None = None,
    parameters: Mapping[str, str] | Iterable[Any] | Deferred | None = None,
    filter: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Callable[[C], C]:
    """Starts the deployed flow whenever an event arrives.

    event: "model.promoted" (a fact of Headwater), "data.arrived" (anything published on hw.ext.<project>.data.arrived),
    or a dict {"name": …, "parameters": …, "filter": …}. events: several; a run starts once all of them have arrived.
    parameters: parameter of the flow → field of the event (dots go deeper), or a list of names that are the same and of
    pairs. filter: field of the event → value it must have. Each may be a function, called with a context (flow_name,
    user_name) when the flow is deployed.
    options: {"match": "any"}: each of several events starts a run; {"reset_at": {"cron": …, "timezone": …}}: what has
    arrived counts no longer after that time.

        @trigger(event="data.arrived", parameters={"path": "file.path"}, filter={"kind": "csv"})
        class Ingest(FlowSpec): ...
    """
    if event and events:
        raise FlowError("Specify only one of event or events attributes in @trigger decorator.")
    if not event and not events:
        raise FlowError('No event(s) specified in @trigger decorator. Fix: @trigger(event="data.arrived")')
    given = [event] if event else events if callable(events) else _listed(events, "trigger", "events")

    def read(each: Any, context: Any) -> dict[str, Any]:
        return {"event": _event(each, parameters, filter, context)}

    return _adds("trigger", _group("trigger", given, read, options))


@flow_decorator
def trigger_on_finish(
    *,
    flow: EventLike | None = None,
    flows: Iterable[EventLike] | Deferred | None = None,
    options: Mapping[str, Any] | None = None,
) -> Callable[[C], C]:
    """Starts the deployed flow after each successful run of another: @trigger_on_finish(flow="Train"), or once all of
    several flows have succeeded: flows=["A", "B"].

    A flow with @project waits for runs of its own project and branch; "project.branch.Flow", or a dict of name, project
    and project_branch, names another. Functions and options as those of @trigger.
    """
    if flow and flows:
        raise FlowError("Specify only one of flow or flows attributes in @trigger_on_finish decorator.")
    if not flow and not flows:
        raise FlowError('No flow(s) specified in @trigger_on_finish decorator. Fix: @trigger_on_finish(flow="Train")')
    given = [flow] if flow else flows if callable(flows) else _listed(flows, "trigger_on_finish", "flows")

    def read(each: Any, context: Any) -> dict[str, Any]:
        return {"finish": _finish(_called("trigger_on_finish", each, context))}

    return _adds("trigger_on_finish", _group("trigger_on_finish", given, read, options))


@flow_decorator
def trigger_on_promotion(
    *, model: str | None = None, alias: str | None = None, parameters: Mapping[str, str] | Iterable[Any] | None = None
) -> Callable[[C], C]:
    """Starts the deployed flow when a version of a model gets an alias; all models, or all aliases, without a name.

    @trigger_on_promotion(model="churn", alias="champion")
    """
    wanted = {key: value for key, value in (("name", model), ("alias", alias)) if value}
    return _adds("trigger_on_promotion", [{"event": _event("model.promoted", parameters, wanted, None)}])


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
    if not text:  # daily=False alone: no clock starts it
        return _adds("schedule", [])
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


def resolved(cls: type) -> list[dict[str, Any]]:
    """The triggers of a flow as it is deployed now: functions are called. Raises FlowError."""
    from headwater.flow.parameters import DeployTimeContext, config_values, user_name

    found: list[dict[str, Any]] = []
    for each in own_flow_options(cls).triggers:
        if "later" in each:
            context = DeployTimeContext(cls.__name__, user_name(), each["decorator"], config_values())
            found += each["later"](Deploying(cls, context))
        else:
            found.append(each)
    return found


class Deploying(NamedTuple):
    """A flow that is being deployed, and what its functions are called with."""

    cls: type
    context: Any


def namespaced_event_name(name: str) -> Callable[..., str]:
    """The name of an event of the flow's own project and branch, for @trigger and ArgoEvent: a function that gives
    "mfns.PROJECT.BRANCH.NAME", or "mfns.NAME" for a flow without @project."""
    if not isinstance(name, str):
        raise ValueError(f"event_name should be a string not {type(name)}")

    def full(context: Any = None) -> str:
        from headwater.flow.current import current

        if isinstance(context, Deploying):
            from headwater.flow.parameters import user_name
            from headwater.flow.projects import branch_of

            branch = branch_of(context.cls, user_name())
            parts = [branch.project_name, branch.branch_name] if branch else []
        else:
            parts = [current.get("project_name"), current.get("branch_name")]
        return ".".join(["mfns", *(re.sub(r"[^a-zA-Z0-9_.-]", "", part) for part in parts if part), name])

    full.namespaced = True  # pyright: ignore[reportFunctionMemberAccess]
    return full


def _group(
    decorator: str, given: Any, read: Callable[[Any, Any], dict[str, Any]], options: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """What one decorator adds: a trigger, one for all of several, or what gives them when the flow is deployed."""
    chosen = _options(decorator, options)

    def made(context: Any) -> list[dict[str, Any]]:
        several = _listed(_called(decorator, given, context), decorator, "events") if callable(given) else given
        found = [read(each, context) for each in several]
        names = [json.dumps(each, sort_keys=True) for each in found]
        if len(set(names)) < len(names):
            raise FlowError(f"Duplicate event names defined in @{decorator} decorator.")
        if len(found) == 1 or chosen.get("match") == "any":
            return found
        return [{"all": {"of": found, **({"resetAt": chosen["resetAt"]} if "resetAt" in chosen else {})}}]

    if callable(given) or any(_is_deferred(each) for each in given):
        return [{"later": made, "decorator": decorator}]
    return made(None)


def _is_deferred(each: Any) -> bool:
    return callable(each) or (isinstance(each, Mapping) and any(callable(value) for value in each.values()))


def _called(decorator: str, given: Any, deploying: Any) -> Any:
    """What a function gives when the flow is deployed; anything else is as it is."""
    if not callable(given):
        return given
    try:
        return given(deploying if getattr(given, "namespaced", False) else deploying.context)
    except Exception as error:
        raise FlowError(f"@{decorator}: its function failed: {type(error).__name__}: {error}") from error


def _listed(given: Any, decorator: str, attribute: str) -> list[Any]:
    if isinstance(given, (list, tuple, set, frozenset)):
        return list(cast("Iterable[Any]", given))
    if isinstance(given, (str, Mapping)):
        return [given]
    raise FlowError(f"Incorrect format for {attribute} attribute in @{decorator} decorator. Supported format is list")


def _options(decorator: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """options= as the scheduler has it; what another platform may make of other keys has no effect here."""
    found: dict[str, Any] = {}
    for key, value in (given or {}).items():
        if key == "match":
            if value not in ("all", "any"):
                raise FlowError(f"@{decorator}: options match={value!r} is neither all nor any")
            found["match"] = value
        elif key == "reset_at":
            if not isinstance(value, Mapping) or not value.get("cron"):
                raise FlowError(f'@{decorator}: options reset_at={value!r}. Fix: {{"cron": "0 0 * * *"}}')
            found["resetAt"] = {"cron": _cron(str(value["cron"]))}
            if value.get("timezone"):
                found["resetAt"]["timezone"] = _timezone(str(value["timezone"]))
    return found


def _event(given: Any, parameters: Any, wanted: Mapping[str, Any] | None, context: Any) -> dict[str, Any]:
    given = _called("trigger", given, context)
    if not isinstance(given, (str, Mapping)):
        raise FlowError(
            "Incorrect format for event attribute in @trigger decorator. Supported formats are string and dictionary - "
            "@trigger(event='foo') or @trigger(event={'name': 'foo', 'parameters': {'alpha': 'beta'}}); "
            f"got {given!r}"
        )
    details: Mapping[str, Any] = {"name": given} if isinstance(given, str) else given
    if "name" not in details:
        raise FlowError("The event attribute for @trigger is missing the name key.")
    name = _called("trigger", details.get("name"), context)
    if not isinstance(name, str) or not name or any(c.isspace() or c in "*>" for c in name) or "" in name.split("."):
        raise FlowError(
            f'@trigger: {name!r} is not the name of an event. Fix: words joined by dots, like "data.arrived"'
        )
    if unknown := set(details) - {"name", "parameters", "filter"}:
        raise FlowError(
            f"@trigger: event {name!r} has unknown {', '.join(sorted(unknown))}. Fix: use name, parameters, filter"
        )
    body: dict[str, Any] = {"name": name}
    if mapping := _mapping(name, _called("trigger", details.get("parameters", parameters), context)):
        body["parameters"] = mapping
    if values := details.get("filter", wanted):
        body["filter"] = {str(field): _text(value) for field, value in values.items()}
    return body


def _mapping(event: str, given: Any) -> dict[str, str]:
    """Parameter → field, from a dict, or from a list of names and (parameter, field) pairs."""
    if not given:
        return {}
    if not isinstance(given, (Mapping, list, tuple)):
        raise FlowError(f"The parameters attribute for event {event} is invalid: {given!r}. Fix: a dict or a list")
    items = cast("Mapping[Any, Any]", given).items() if isinstance(given, Mapping) else cast("Iterable[Any]", given)
    pairs: list[Any] = [(each, each) if isinstance(each, str) else each for each in items]
    mapping: dict[str, str] = {}
    for pair in pairs:
        if (
            not isinstance(pair, (tuple, list))
            or len(cast("tuple[Any, ...]", pair)) != 2
            or not all(isinstance(part, str) and part for part in cast("tuple[Any, ...]", pair))
        ):
            raise FlowError(
                f"The parameters attribute for event {event} is invalid: it contains {pair!r}. Fix: "
                '{"parameter": "field.of.the.event"}, or a list of names and pairs of them'
            )
        mapping[pair[0]] = pair[1]
    return mapping


def _finish(given: Any) -> dict[str, Any]:
    """From "Flow", "project.branch.Flow", or {"name": …, "project": …, "project_branch": …}."""
    if isinstance(given, str):
        parts = given.split(".")
        name, project, branch = parts[-1], parts[0] if len(parts) > 2 else "", ".".join(parts[1:-1])
    elif isinstance(given, Mapping):
        details = cast("Mapping[str, Any]", given)
        if "name" not in details:
            raise FlowError("The flow attribute for @trigger_on_finish is missing the name key.")
        for key in ("name", "project", "project_branch"):
            if not isinstance(details.get(key, ""), str):
                raise FlowError(f"The {key} attribute of the flow {details['name']} is not a string")
        name, project, branch = (str(details.get(key) or "") for key in ("name", "project", "project_branch"))
        if "." in name:
            raise FlowError(f"The name attribute of the flow {name} is not a valid string")
    else:
        raise FlowError(
            "Incorrect type for flow attribute in @trigger_on_finish decorator. Supported type is string or "
            f"Dict[str, str] - @trigger_on_finish(flow='FooFlow'); got {given!r}"
        )
    if not name:
        raise FlowError(f"@trigger_on_finish: {given!r} names no flow")
    tags = [f"{key}:{value}" for key, value in (("project", project), ("project_branch", branch)) if value]
    return {"flow": name, "tags": tags} if tags else {"flow": name}


def _text(value: Any) -> str:
    """A value of a filter as the scheduler compares it: JSON without quotes around text."""
    if isinstance(value, str):
        return value
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
