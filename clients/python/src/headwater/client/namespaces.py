"""namespace(): accepted for code written for Metaflow. Access is by project and token, so it hides nothing here."""

_current: str | None = None


def namespace(name: str | None) -> str | None:
    """Remembers a namespace and returns it. Runs of every user of the project stay visible."""
    global _current
    _current = name
    return name


def get_namespace() -> str | None:
    """What namespace() was last told."""
    return _current


def default_namespace() -> str | None:
    """Forgets the namespace."""
    return namespace(None)
