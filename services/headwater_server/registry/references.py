"""Which version is meant: "3", "latest" or "@champion". Pure."""

import re
from dataclasses import dataclass

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown
from headwater_server.registry.limits import check_alias

_NUMBER = re.compile(r"0*[1-9]\d{0,8}\Z", re.ASCII)


@dataclass(frozen=True)
class Reference:
    """number > 0: that version; alias: where it points; neither: the latest."""

    number: int = 0
    alias: str = ""


def parse_reference(text: str, field: str = "version") -> Reference:
    """Raises InvalidArgument that says what a version looks like."""
    if text.lower() == "latest":
        return Reference()
    if text.startswith("@"):
        return Reference(alias=check_alias(text[1:], field))
    if _NUMBER.match(text):
        return Reference(int(text))
    hint = 'a number such as "3", "latest", or "@" and an alias such as "@champion"'
    raise InvalidArgument(f"{field}: {shown(text)} is not a version", field=field, hint=hint)
