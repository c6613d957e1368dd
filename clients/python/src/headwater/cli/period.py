"""Lengths of time as people write them: 90s, 15m, 12h, 30d, 4w."""

import re

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Period(click.ParamType):
    """ "12h", "90d": seconds as int. zero: "0" is one too."""

    name = "period"

    def __init__(self, zero: bool = False) -> None:
        self._zero = zero

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if self._zero and str(value) == "0":
            return 0
        match = re.fullmatch(r"(\d{1,9})([smhdw])", str(value))
        if match is None or (int(match[1]) == 0 and not self._zero):
            self.fail(f"{value!r} is not a period such as 12h, 90d or 4w", param, ctx)
        return int(match[1]) * _UNITS[match[2]]


def period_text(duration: str | None) -> str:
    """A protobuf Duration in JSON for people: "30d", "1.5s"."""
    seconds = float((duration or "0s").removesuffix("s"))
    for unit, length in sorted(_UNITS.items(), key=lambda item: -item[1]):
        if unit != "w" and seconds and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:g}s"
