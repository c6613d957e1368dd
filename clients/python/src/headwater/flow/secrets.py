"""@secrets in a task: environment variables of the step, whose values no output of it shows.

Back end `inline` is here; flows that name another are refused before anything runs.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, cast

from headwater.errors import FlowError
from headwater.flow.options import SecretSources

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SHORTEST = 4  # shorter values would blot out ordinary words
_HIDDEN = "******"


def problems(secrets: SecretSources) -> list[str]:
    """What is wrong with the sources, before anything runs."""
    try:
        variables(secrets)
    except FlowError as error:
        return [str(error)]
    return []


def variables(secrets: SecretSources) -> dict[str, str]:
    """The variables of all sources together. Raises FlowError naming the source."""
    found: dict[str, str] = {}
    for source in secrets.sources:
        name, made = _source(source)
        for variable, value in made.items():
            if not isinstance(variable, str) or not _VARIABLE.match(variable) or variable.startswith("METAFLOW_"):
                raise FlowError(f"@secrets: {variable!r} of source {name!r} is not a name a variable can have")
            if not isinstance(value, str):
                raise FlowError(f"@secrets: the value of {variable} of source {name!r} is not text")
            if variable in found:
                raise FlowError(f"@secrets: two sources give the variable {variable}")
            found[variable] = value
    return found


def apply(secrets: SecretSources) -> list[str]:
    """Sets the variables, hides their values in what this process prints from now on, and returns the values."""
    found = variables(secrets)
    if not secrets.allow_override and (there := [name for name in found if name in os.environ]):
        raise FlowError(
            f"@secrets: {', '.join(there)} is in the environment already", hint="pass allow_override=True to replace it"
        )
    os.environ.update(found)
    values = sorted((value for value in found.values() if len(value) >= _SHORTEST), key=len, reverse=True)
    if values:
        sys.stdout = cast("Any", _Hiding(sys.stdout, values))
        sys.stderr = cast("Any", _Hiding(sys.stderr, values))
    return values


def hidden(value: Any, secrets: list[str]) -> Any:
    """A failure without the secrets in its texts."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, _HIDDEN)
        return value
    if isinstance(value, dict):
        return {key: hidden(each, secrets) for key, each in cast("dict[str, Any]", value).items()}
    return value


class _Hiding:
    """A text stream that writes stars in place of secrets."""

    def __init__(self, stream: Any, values: list[str]) -> None:
        self._stream = stream
        self._values = values

    def write(self, text: str) -> int:
        self._stream.write(hidden(text, self._values))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _source(source: Any) -> tuple[str, dict[str, Any]]:
    """(name, variables) of one source: "inline.name", or {"type": "inline", "id": …, "options": {"env_vars": {…}}}."""
    if isinstance(source, str):
        kind, _, name = source.partition(".")
        options: Any = {}
    elif isinstance(source, dict):
        given = cast("dict[str, Any]", source)
        kind, name, options = given.get("type", ""), given.get("id", ""), given.get("options") or {}
    else:
        raise FlowError("@secrets sources items must be either a string or a dict")
    if kind != "inline":
        raise FlowError(
            f"@secrets: there is no back end {kind!r} for the source {name or source!r}",
            hint='use {"type": "inline", "id": …, "options": {"env_vars": {…}}}, or the environment of the worker',
        )
    made = options.get("env_vars", {}) if isinstance(options, dict) else None
    if not isinstance(made, dict):
        raise FlowError(f"@secrets: env_vars of source {name!r} is not a dict of names and values")
    return name, cast("dict[str, Any]", made)
