"""namespace(): which runs Flow, Run and Metaflow() show: those with the tag "user:<name>" of the caller by default.

None shows the runs of everybody in the project. Access is by project and token: a namespace hides, it does not protect.
"""

from headwater.errors import NamespaceMismatch

# "": nobody has said anything yet, the caller's own runs are shown.
_current: str | None = ""


def namespace(name: str | None) -> str | None:
    """Shows only runs with this tag, "user:ann" or "production:Train"; None: all of the project. Returns it."""
    global _current
    _current = name
    return get_namespace()


def get_namespace() -> str | None:
    """The namespace in use."""
    return default_namespace() if _current == "" else _current


def default_namespace() -> str:
    """Goes back to the caller's own runs, and returns that namespace: "user:<name>"."""
    global _current
    from headwater.flow.current import current

    found: str | None = current.namespace
    if found is None:
        from headwater.client.resources import caller

        found = f"user:{caller()}"
    _current = found
    return found


def namespace_tags() -> list[str]:
    """The tags that a run must have to be shown."""
    name = get_namespace()
    return [name] if name else []


def check_namespace(what: str, tags: "frozenset[str]") -> None:
    """Raises NamespaceMismatch for a run that is not in the namespace in use."""
    name = get_namespace()
    if name and name not in tags:
        raise mismatch(what, name)


def mismatch(what: str, name: str) -> NamespaceMismatch:
    hint = "namespace(None) shows what everybody in the project ran"
    return NamespaceMismatch(f"{what} is not in namespace {name!r}", field="namespace", hint=hint)
