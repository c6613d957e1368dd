"""What tags are after a change. Pure."""

from collections.abc import Iterable, Mapping

from headwater_server.kit.errors import InvalidArgument
from headwater_server.registry.limits import check_total


def changed(tags: Mapping[str, str], put: Mapping[str, str], delete: Iterable[str]) -> dict[str, str]:
    """The tags with `put` set and `delete` taken away; one that is not there is no error. Raises InvalidArgument."""
    gone = set(delete)
    if both := sorted(gone & put.keys()):
        text = f"delete_tags: {both[0]!r} is in set_tags too"
        raise InvalidArgument(text, field="delete_tags", hint="set it or delete it")
    kept = {key: value for key, value in tags.items() if key not in gone}
    return check_total(kept | dict(put), "set_tags")
