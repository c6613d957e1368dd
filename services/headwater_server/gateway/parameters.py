"""Query parameters of requests that are no RPCs. Pure."""

import re
from datetime import UTC, datetime

from headwater_server.gateway.rest.reading import boolean, grouped, integer
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import did_you_mean, shown

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Parameters:
    """Those of a request; names in camelCase or snake_case. Raises InvalidArgument for one that is not known."""

    def __init__(self, query: bytes, *known: str) -> None:
        self._values: dict[str, str] = {}
        for name, values in grouped(query).items():
            snake = _CAMEL.sub("_", name).lower()
            if snake not in known:
                hint = did_you_mean(name, known) if known else "this request has no parameters"
                raise InvalidArgument(
                    f"{name}: there is no such parameter", field=name, hint=hint, reason="UNKNOWN_FIELD"
                )
            if len(values) > 1 or snake in self._values:
                raise InvalidArgument(f"{name}: was given more than once", field=name, hint="give it once")
            self._values[snake] = values[0]

    def text(self, name: str) -> str:
        return self._values.get(name, "")

    def boolean(self, name: str) -> bool:
        value = self.text(name)
        return boolean(name, value) if value else False

    def integer(self, name: str, default: int, most: int) -> int:
        value = self.text(name)
        return integer(name, value, 0, most) if value else default

    def time(self, name: str) -> datetime | None:
        value = self.text(name)
        if not value:
            return None
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            raise InvalidArgument(
                f"{name}: {shown(value)} is not a time", field=name, hint="e.g. 2026-11-23T20:00:00Z"
            ) from None
        return at if at.tzinfo else at.replace(tzinfo=UTC)
