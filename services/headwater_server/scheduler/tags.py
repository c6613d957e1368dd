"""Tags of a run: those that the platform gives and nobody changes, and what may be changed of the others. Pure."""

from collections.abc import Iterable
from typing import Any

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

MOST_TAGS = 100
LONGEST_TAG = 500


def system_tags(row: Any) -> list[str]:
    """Of a row of `runs`; the query list_runs says the same in SQL."""
    given = (
        ("user", row["created_by"].get("name")),
        ("date", f"{row['created_at']:%Y-%m-%d}"),
        ("trigger", (row["trigger"] or {}).get("eventName")),
        ("production", row["deployment"]),
    )
    return [f"{kind}:{name}" for kind, name in given if name]


def check_tags(tags: Iterable[str], field: str = "tags") -> None:
    """Raises InvalidArgument."""
    for count, tag in enumerate(tags, 1):
        if not 0 < len(tag) <= LONGEST_TAG or "\0" in tag:
            message = f"{field}: {shown(tag)} is no tag"
            raise InvalidArgument(message, field=field, hint=f"1 to {LONGEST_TAG} characters")
        if count > MOST_TAGS:
            raise InvalidArgument(f"{field}: more than {MOST_TAGS}", field=field, hint=f"at most {MOST_TAGS} each time")


def changed(row: Any, remove: Iterable[str], add: Iterable[str]) -> list[str]:
    """The tags of a run after a change; removals come first. Raises InvalidArgument."""
    remove, add = list(remove), list(add)
    if not remove and not add:
        raise InvalidArgument("neither add nor remove says anything", field="add", hint="name a tag")
    check_tags(add, "add")
    check_tags(remove, "remove")
    fixed = system_tags(row)
    for tag in remove:
        if tag in fixed:
            hint = "only the tags that users gave can be removed"
            raise InvalidArgument(
                f"remove: {shown(tag)} is a system tag", field="remove", hint=hint, reason="SYSTEM_TAG"
            )
    kept = [tag for tag in row["tags"] if tag not in remove]
    found = [*kept, *(tag for tag in dict.fromkeys(add) if tag not in kept and tag not in fixed)]
    if len(found) > MOST_TAGS:
        message = f"the run would have {len(found)} tags, more than {MOST_TAGS}"
        raise InvalidArgument(message, field="add", hint="remove some")
    return found
