"""Does an event start a deployed flow, and with which parameters? Also: when does its clock strike next? Pure."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from headwater_server.kit.envelope import Envelope
from headwater_server.kit.errors import InvalidArgument

RUN_SUCCEEDED = "run.succeeded"
_SNAKE = re.compile(r"_([a-z0-9])")
_MISSING = object()


def match(trigger: dict[str, Any], event: Envelope, tags: Collection[str] = ()) -> dict[str, Any] | None:
    """The parameters that the event gives to the flow; None when this trigger does not want it. tags: those of the run
    that ended, where wants_tags()."""
    if finish := trigger.get("finish"):
        ended = event.type == RUN_SUCCEEDED and event.data.get("flow") == finish.get("flow")
        return {} if ended and set(finish.get("tags", ())) <= set(tags) else None
    wanted = trigger.get("event")
    if not wanted or wanted.get("name") != event.type:
        return None
    for path, value in wanted.get("filter", {}).items():
        if as_text(field_of(event.data, path)) != value:
            return None
    found = {name: field_of(event.data, path) for name, path in wanted.get("parameters", {}).items()}
    return {name: value for name, value in found.items() if value is not _MISSING}


def wants_tags(trigger: dict[str, Any]) -> bool:
    return any(each.get("finish", {}).get("tags") for each in parts_of(trigger))


def parts_of(trigger: dict[str, Any]) -> list[dict[str, Any]]:
    """The triggers that one waits for together; of any other, itself."""
    return trigger.get("all", {}).get("of", [trigger])


def field_of(data: Any, path: str) -> Any:
    """The value at a dotted path; names in snake case also find the camel case of our own facts."""
    for part in path.split("."):
        if not isinstance(data, dict):
            return _MISSING
        camel = _SNAKE.sub(lambda m: m.group(1).upper(), part)
        data = data[part] if part in data else data.get(camel, _MISSING)
    return data


def as_text(value: Any) -> str | None:
    if value is _MISSING or value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def check(triggers: list[dict[str, Any]], at: datetime) -> None:
    """Raises InvalidArgument for a trigger that could never start anything."""
    for number, trigger in enumerate(triggers):
        where = f"triggers[{number}]"
        if several := trigger.get("all"):
            _check_all(several, at, f"{where}.all")
            continue
        if not any(trigger.get(kind) for kind in ("event", "finish", "cron")):
            raise InvalidArgument(f"{where} names no event, flow or cron expression", field=where)
        if "event" in trigger and not trigger["event"].get("name"):
            raise InvalidArgument(
                f"{where}.event.name is empty", field=f"{where}.event.name", hint='e.g. "data.arrived"'
            )
        if "finish" in trigger and not trigger["finish"].get("flow"):
            raise InvalidArgument(
                f"{where}.finish.flow is empty", field=f"{where}.finish.flow", hint="the name of a flow"
            )
        if "cron" in trigger:
            policy = trigger["cron"].get("catchUp", "")
            if policy not in ("", "once", "all", "skip"):
                raise InvalidArgument(
                    f"{where}.cron.catch_up: {policy!r} is no policy", field="catch_up", hint="one of once, all, skip"
                )
            _next(trigger["cron"], at, where)


def _check_all(several: dict[str, Any], at: datetime, where: str) -> None:
    parts = several.get("of", [])
    if len(parts) < 2 or any(not part.get("event") and not part.get("finish") for part in parts):
        hint = "two or more events and ends of flows"
        raise InvalidArgument(f"{where}.of does not name several events or flows", field=f"{where}.of", hint=hint)
    check(parts, at)
    if "resetAt" in several:
        _next(several["resetAt"], at, f"{where}.reset_at")


def catch_up(triggers: list[dict[str, Any]]) -> str:
    """What becomes of times that were missed: once, all or skip."""
    return next((t["cron"]["catchUp"] for t in triggers if t.get("cron", {}).get("catchUp")), "once")


def next_time(triggers: list[dict[str, Any]], at: datetime) -> datetime | None:
    """When the first of the clocks strikes after `at`; None when there is no clock."""
    times = [_next(trigger["cron"], at, "cron") for trigger in triggers if "cron" in trigger]
    return min(times) if times else None


def _next(cron: dict[str, Any], at: datetime, where: str) -> datetime:
    text, zone = cron.get("cron", ""), cron.get("timezone") or "UTC"
    try:
        return next(CronSim(text, at.astimezone(ZoneInfo(zone))))
    except (CronSimError, StopIteration):
        hint = 'five fields: minute hour day month weekday, e.g. "0 6 * * *"'
        raise InvalidArgument(f"{where}: {text!r} is no cron expression", field="cron", hint=hint) from None
    except (ZoneInfoNotFoundError, ValueError):
        hint = 'an IANA name, e.g. "Europe/Berlin"'
        raise InvalidArgument(f"{where}: there is no time zone {zone!r}", field="timezone", hint=hint) from None
