"""Tags of a run: those that the platform gives and nobody changes, and what may be changed of the others. Pure."""

from collections.abc import Iterable
from typing import Any

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

# Of one request, whatever they are.
MOST_TAGS = 100
# Of a run, as Metaflow's client has it; those of @project, which that client counts among the system's, come on top.
MOST_USER_TAGS = 50
_OF_PROJECTS = ("project:", "project_branch:")
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


def check_size(tags: Iterable[str], before: Iterable[str] = (), field: str = "tags") -> None:
    """Raises InvalidArgument for too many; a set that was too large may shrink."""
    count, had = (len({tag for tag in each if not tag.startswith(_OF_PROJECTS)}) for each in (tags, before))
    if count > MOST_USER_TAGS and count > had:
        message = f"{field}: Cannot increase size of tag set beyond {MOST_USER_TAGS}"
        raise InvalidArgument(message, field=field, hint=f"these would be {count}; remove some")


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
    check_size(found, row["tags"], "add")
    return found
