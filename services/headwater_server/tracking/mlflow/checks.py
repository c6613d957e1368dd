"""What MLflow allows as names and values, refused in its own words, for programs and people know them. Pure."""

import json
import posixpath
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking.mlflow.bodies import DatasetInput, Metric, Pair

MAX_KEY = 250
MAX_PARAM = 6000
MAX_TAG = 8000
MAX_EXPERIMENT_NAME = 500
MAX_EXPERIMENT_TAG = 20_000
MAX_LOCATION = 2048
MAX_METRICS = 1000
MAX_PARAMS_TAGS = 100
MAX_ENTITIES = 1000
MAX_RUNS = 50_000
MAX_EXPERIMENTS = 50_000
DOCS = " See the API docs for more information about request parameters."
_NAME = re.compile(r"[/\w.\- :]*\Z")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}\Z")
_CHARACTERS = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes "
    "(/)."
)
_DATASET_LIMITS = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}
_INPUT_TAG_LIMITS = {"key": 255, "value": 500}
# What a server may hand to its clients to read and write: never its own disk.
_PLACES = frozenset({"mlflow-artifacts", "s3", "gs", "r2", "wasbs", "abfss", "azureml", "hdfs", "viewfs", "dbfs",
                     "oss", "b2", "ftp", "sftp", "http", "https"})  # fmt: skip


def invalid(path: str, value: Any, message: str = "") -> InvalidArgument:
    shown = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    shown = shown if len(shown) <= 1000 else f"{shown[:997]}..."
    text = f"Invalid value {shown} for parameter '{path}' supplied"
    return InvalidArgument(f"{text}: {message}" if message else f"{text}.", field=path)


def missing(path: str) -> InvalidArgument:
    return InvalidArgument(f"Missing value for required parameter '{path}'.{DOCS}", field=path)


def too_long(what: str, limit: int) -> InvalidArgument:
    return InvalidArgument(f"'{what}' exceeds the maximum length of {limit} characters", field=what)


def check_name(name: str, path: str) -> str:
    """Of a metric, param or tag."""
    if not name:
        raise missing(path)
    if not _NAME.match(name):
        raise invalid(path, name, _CHARACTERS)
    normal = posixpath.normpath(name)
    if normal != name or normal == "." or normal.startswith(("..", "/")):
        raise invalid(
            path,
            name,
            "Names may be treated as files in certain cases, and must not resolve to other names when treated as "
            f"such. This name would resolve to {normal!r}",
        )
    return name


def check_metrics(metrics: Sequence[Metric], path: str) -> set[str]:
    """The keys. path: "metrics[{}]." or "" for a single one."""
    for number, metric in enumerate(metrics):
        if metric.timestamp < 0:
            raise invalid(
                f"{path.format(number)}timestamp",
                metric.timestamp,
                f"metric '{metric.key}' (value={metric.value}). Timestamp must be a nonnegative long (64-bit integer) ",
            )
    keys = {metric.key for metric in metrics}
    for key in keys:
        if not key or len(key) > MAX_KEY or not _NAME.match(key) or posixpath.normpath(key) != key or key[0] in "/.":
            number = next(n for n, metric in enumerate(metrics) if metric.key == key)
            check_name(key, f"{path.format(number)}{'name' if key else 'key'}")
            if len(key) > MAX_KEY:
                raise too_long("Metric name", MAX_KEY)
    return keys


def check_param(pair: Pair, path: str) -> tuple[str, str]:
    """A value that is too long is cut, as MLflow does."""
    key = check_name(pair.key, f"{path}key")
    if len(key) > MAX_KEY:
        raise too_long("Param key", MAX_KEY)
    return key, _text(pair.value, f"{path}value")[:MAX_PARAM]


def check_tag(pair: Pair, path: str, limit: int = MAX_TAG, *, cut: bool = True) -> tuple[str, str]:
    key = check_name(pair.key, f"{path}key")
    if len(key) > MAX_KEY:
        raise too_long(f"{path}key", MAX_KEY)
    if len(pair.value) > limit and not cut:
        raise too_long(f"{path}value", limit)
    return key, _text(pair.value, f"{path}value")[:limit]


def _text(value: str, path: str) -> str:
    if "\0" in value:
        raise invalid(path, value, "it holds a NUL character")
    return value


def check_batch(metrics: int, params: int, tags: int) -> None:
    parts = (("metrics", metrics, MAX_METRICS), ("params", params, MAX_PARAMS_TAGS), ("tags", tags, MAX_PARAMS_TAGS))
    total = ("metrics, params, and tags", metrics + params + tags, MAX_ENTITIES)
    for name, length, limit in (*parts, total):
        if length > limit:
            raise InvalidArgument(
                f"A batch logging request can contain at most {limit} {name}. Got {length} {name}. Please split up "
                f"{name} across multiple requests and try again."
            )


def check_unique(params: Sequence[Pair]) -> None:
    known: set[str] = set()
    twice = [p.key for p in params if p.key in known or known.add(p.key)]
    if twice:
        raise InvalidArgument(
            f"Duplicate parameter keys have been submitted: {twice}. Please ensure the request contains only one "
            "param value per param key."
        )


def check_run_id(run: str) -> str:
    if not run:
        raise missing("run_id")
    if not _RUN_ID.match(run):
        raise invalid("run_id", run)
    return run


def check_experiment_name(name: str) -> str:
    if not name:
        raise missing("name")
    if len(name) > MAX_EXPERIMENT_NAME:
        raise too_long("name", MAX_EXPERIMENT_NAME)
    return _text(name, "name")


def check_max_results(value: int, limit: int) -> int:
    if value < 1:
        raise InvalidArgument(
            f"Invalid value {value} for parameter 'max_results' supplied. It must be a positive integer"
        )
    if value > limit:
        raise InvalidArgument(f"Invalid value {value} for parameter 'max_results' supplied. It must be at most {limit}")
    return value


def check_location(location: str) -> str:
    """Where an experiment keeps its files: a URI that clients, not this server, read and write."""
    field = "artifact_location"
    parts = urlsplit(location)
    if parts.fragment or ";" in location:
        raise InvalidArgument(f"'{field}' URL can't include fragments or params.", field=field)
    if len(location) > MAX_LOCATION:
        raise InvalidArgument(
            "Invalid artifact path length. The length of the artifact path cannot be greater than "
            f"{MAX_LOCATION} characters.",
            field=field,
        )
    path = unquote(unquote(location))
    if ".." in path.replace("\\", "/").split("/") or "\\" in path or not path.isprintable() or parts.query:
        raise InvalidArgument(f"Invalid {field}: {location!r} is not a plain path", field=field)
    if parts.scheme.lower() not in _PLACES:
        raise InvalidArgument(
            f"Invalid {field}: {location!r}. Its scheme must be one of {', '.join(sorted(_PLACES))}.", field=field
        )
    return location


def check_dataset(given: DatasetInput) -> None:
    for name, limit in _DATASET_LIMITS.items():
        value = getattr(given.dataset, name)
        if value is not None and len(_text(value, name)) > limit:
            raise too_long(name, limit)
    _text(given.dataset.source_type, "source_type")
    for tag in given.tags:
        for name, limit in _INPUT_TAG_LIMITS.items():
            if len(_text(getattr(tag, name), name)) > limit:
                raise too_long(name, limit)
