"""Events from code: ArgoEvent publishes one under Metaflow's name for it, MetaflowEvent is what a run was started by.

    ArgoEvent("data.arrived").add_to_payload("path", "s3://…").publish()

goes to hw.ext.<project>.data.arrived and starts the deployed flows with @trigger(event="data.arrived").
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from headwater.errors import HeadwaterError


class MetaflowEvent(NamedTuple):
    """What started a run; `current.trigger.event` has these too. type: "event" or "run"."""

    name: str
    id: str
    timestamp: datetime | None
    type: str


class ArgoEventException(HeadwaterError):
    """The event was not published."""


class ArgoEvent:
    """An event by its name, or by a function that gives it; it goes to the Headwater server.

    url and access_token are accepted and have no effect.
    """

    def __init__(
        self,
        name: str | Callable[[], str],
        url: str | None = None,
        payload: dict[str, Any] | None = None,
        access_token: str | None = None,
    ) -> None:
        given: Any = name() if callable(name) else name
        if not isinstance(given, str):
            raise ArgoEventException(f"the name of an event must be text, not {type(given).__name__}")
        self._name = given
        self._payload: dict[str, Any] = dict(payload or {})

    def add_to_payload(self, key: str, value: Any) -> "ArgoEvent":
        """Adds a field, as text; usually the value of a parameter of the flows that it starts."""
        self._payload[key] = str(value)
        return self

    def safe_publish(self, payload: dict[str, Any] | None = None, ignore_errors: bool = True) -> str | None:
        """Publishes the event inside of a run that a deployment started; elsewhere it does nothing."""
        return self.publish(payload, force=False, ignore_errors=ignore_errors)

    def publish(
        self, payload: dict[str, Any] | None = None, force: bool = True, ignore_errors: bool = True
    ) -> str | None:
        """Publishes the event and returns its id. It does not wait for what it starts.

        force: False publishes only where a deployment started the run. ignore_errors: False raises ArgoEventException.
        """
        try:
            if not force and not _deployed():
                return None
            return self._publish(payload or {})
        except HeadwaterError as error:
            if not ignore_errors:
                raise ArgoEventException(f"event {self._name!r} was not published: {error.message}") from error
            print(f"Event {self._name!r} was not published: {error}", file=sys.stderr)
            return None

    def _publish(self, payload: dict[str, Any]) -> str:
        import uuid

        from headwater.client.http import API, connect, segment

        conn = connect()
        ident = str(uuid.uuid4())
        usual = {
            "name": self._name,
            "id": ident,
            "timestamp": int(time.time()),
            "utc_date": f"{datetime.now(UTC):%Y%m%d}",
            "generated-by-metaflow": True,
        }
        body = {"name": self._name, "data": {**usual, **self._payload, **payload}, "requestId": ident}
        conn.call("POST", f"{API}/projects/{segment(conn.project)}/events", body)
        print(f"Event {self._name!r} is published.", file=sys.stderr)
        return ident


def _deployed() -> bool:
    """Did a deployment start the run that this process works for?"""
    from headwater.flow.current import current

    if not current.is_running_flow:
        return False
    return any(tag.startswith("production:") for tag in current.run.system_tags)
