"""What MLflow lets models, aliases, versions and tags be called, in its words, and our refusals in them. Pure."""

import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headwater_server.gateway.mlflow.errors import MlflowError
from headwater_server.gateway.mlflow.fields import invalid, missing
from headwater_server.kit.errors import AlreadyExists, NotFound

MAX_KEY = 250
MAX_VALUE = 100_000
MAX_ALIAS = 255
_KEY = re.compile(r"[/\w.\- :]*\Z")
_ALIAS = re.compile(r"[\w\-]*\Z")
_VERSION_ALIAS = re.compile(r"[vV]\d+\Z")
_INTEGER = re.compile(r"\s*[-+]?\d{1,18}\s*\Z", re.ASCII)


def _unstable(name: str) -> bool:
    """Would a file system take it for another name?"""
    normal = posixpath.normpath(name)
    return normal != name or normal == "." or normal.startswith(("..", "/"))


def _bad_path(name: str, path: str) -> MlflowError:
    return invalid(
        path,
        name,
        "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. "
        f"This name would resolve to {posixpath.normpath(name)!r}",
    )


def model_name(name: str, path: str = "name") -> str:
    if not name.strip():
        raise MlflowError(f"Missing value for required parameter '{path}'.")
    if "/" in name or ":" in name:
        raise MlflowError(f"Invalid model name '{name[:300]}'. Names cannot contain '/' or ':'.")
    if _unstable(name):
        raise _bad_path(name, path)
    return name


def version_number(text: str) -> str:
    if not _INTEGER.match(text):
        raise MlflowError(f"Parameter 'version' must be an integer, got '{text[:100]}'.")
    return str(int(text))


def alias_name(alias: str) -> str:
    if not alias:
        raise MlflowError("Registered model alias name cannot be empty.")
    if not _ALIAS.match(alias):
        raise MlflowError(
            f"Invalid alias name: '{alias[:300]}'. Names may only contain alphanumerics, underscores (_), and "
            "dashes (-)."
        )
    if len(alias) > MAX_ALIAS:
        raise MlflowError(too_long("Registered model alias name", MAX_ALIAS))
    return alias


def new_alias_name(alias: str) -> str:
    if alias_name(alias).lower() == "latest":
        raise MlflowError("'latest' alias name (case insensitive) is reserved.")
    if _VERSION_ALIAS.match(alias):
        raise MlflowError(f"Version alias name '{alias}' is reserved.")
    return alias


def tag_key(key: str) -> str:
    if not _KEY.match(key):
        raise invalid(
            "key",
            key,
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and "
            "slashes (/).",
        )
    if _unstable(key):
        raise _bad_path(key, "key")
    if len(key) > MAX_KEY:
        raise MlflowError(too_long("key", MAX_KEY))
    return key


def tag_value(value: str) -> str:
    if len(value) > MAX_VALUE:
        raise MlflowError(too_long("value", MAX_VALUE))
    return value


def too_long(what: str, limit: int) -> str:
    return f"'{what}' exceeds the maximum length of {limit} characters"


def tags_of(items: list[Any], path: str = "tags") -> dict[str, str]:
    """Tags as MLflow sends them: [{"key", "value"}]; of a key that comes twice the last counts."""
    found: dict[str, str] = {}
    for item in items:
        key, value = pair(item, path)
        found[tag_key(key)] = tag_value(value)
    return found


def pair(item: Any, path: str) -> tuple[str, str]:
    if not isinstance(item, dict):
        raise invalid(path, item)
    key, value = item.get("key"), item.get("value")
    if key is None or key == "":
        raise missing("key")
    if not isinstance(key, str) or not isinstance(value, str | None):
        raise invalid(path, item)
    if "\0" in key or "\0" in (value or ""):
        raise invalid(path, item, "it holds a NUL character")
    return key, value or ""


@contextmanager
def told_as_mlflow(name: str, version: str = "", alias: str = "", new_name: str = "") -> Iterator[None]:
    """Refusals of the registry in MLflow's words."""
    try:
        yield
    except NotFound as error:
        text = None
        if error.reason == "VERSION_NOT_FOUND" or (error.reason == "MODEL_NOT_FOUND" and version):
            text = f"Model Version (name={name}, version={version}) not found"
        elif error.reason == "MODEL_NOT_FOUND":
            text = f"Registered Model with name={name} not found"
        if error.reason == "ALIAS_NOT_FOUND":
            raise MlflowError(f"Registered model alias {alias} not found.") from None
        if text is None:
            raise
        raise MlflowError(text, "RESOURCE_DOES_NOT_EXIST") from None
    except AlreadyExists as error:
        if error.field not in ("name", "new_name"):
            raise
        text = f"Registered Model (name={new_name or name}) already exists."
        raise MlflowError(text, "RESOURCE_ALREADY_EXISTS") from None
