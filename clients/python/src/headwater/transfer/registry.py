"""Brings MLflow's registry after the runs: models, versions, aliases, stages. Doing it again changes nothing."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from headwater.errors import HeadwaterError
from headwater.transfer.records import ORIGIN_TAG
from headwater.transfer.server import MLFLOW
from headwater.transfer.target import Target

_IN_RUN = re.compile(r"(?:.*/)?([0-9a-f]{32})/artifacts(?:/(.*))?")
_OF_RUN = re.compile(r"runs:/+([0-9a-f]{32})(?:/(.*))?")
_OF_MODEL = re.compile(r"(?:models:/+|.*/models/)(m-[0-9a-f]{32})(?:/.*)?")
_PAGE = 100


def bring(client: Any, target: Target, say: Callable[[str], None] = lambda text: None) -> int:
    """Of an MlflowClient; how many versions are there now. What cannot come is in target.report.skipped."""
    count = 0
    for model in _all(client.search_registered_models):
        name = model.name
        _ignore_there(target, f"{MLFLOW}/registered-models/create", {
            "name": name, "description": model.description or "", "tags": _tags(model.tags),
        })  # fmt: skip
        numbers: dict[int, str] = {}
        versions = _all(client.search_model_versions, f"name='{name}'")
        for version in sorted(versions, key=lambda each: int(each.version)):
            made = _version(client, target, name, version)
            if made:
                numbers[int(version.version)] = made
                say(f"version {version.version} of {name} is {made}")
        count += len(numbers)
        for alias, number in client.get_registered_model(name).aliases.items():
            if int(number) in numbers:
                body = {"name": name, "alias": alias, "version": numbers[int(number)]}
                target.ask("POST", f"{MLFLOW}/registered-models/alias", body)
    return count


def _version(client: Any, target: Target, name: str, version: Any) -> str:
    """Its number here; "": its files did not come along."""
    mark = f"{name}/{version.version}"
    there = target.ask("GET", f"{MLFLOW}/model-versions/search", filter=f"name='{name}'", max_results=10_000)
    for each in there.get("model_versions", ()):
        if {"key": ORIGIN_TAG, "value": mark} in each.get("tags", []):
            return str(each["version"])
    source = _source(client, target, version)
    if source is None:
        target.report.skipped.append(f"version {version.version} of {name}: its files are at {version.source}")
        return ""
    tags = dict(version.tags) | {ORIGIN_TAG: mark}
    body = {"name": name, "source": source, "description": version.description or "", "tags": _tags(tags)}
    if run := target.report.run_ids.get((version.run_id or "").replace("-", "")):
        body["run_id"] = run.replace("-", "")
    made = target.ask("POST", f"{MLFLOW}/model-versions/create", body)["model_version"]["version"]
    stage = getattr(version, "current_stage", None)
    if stage in ("Staging", "Production", "Archived"):
        move = {"name": name, "version": made, "stage": stage, "archive_existing_versions": False}
        target.ask("POST", f"{MLFLOW}/model-versions/transition-stage", move)
    return str(made)


def _source(client: Any, target: Target, version: Any) -> str | None:
    """The same place here: of a run or a logged model that was imported."""
    places = [version.source or ""]
    try:
        places.append(client.get_model_version_download_uri(version.name, version.version))
    except Exception:  # it is only a second way to say where the files are
        places.append("")
    for place in places:
        if (found := _OF_MODEL.fullmatch(place)) and (model := target.report.model_ids.get(found[1])):
            return f"models:/{model}"
        found = _OF_RUN.fullmatch(place) or _IN_RUN.fullmatch(place)
        if found and (run := target.report.run_ids.get(found[1])):
            return f"runs:/{run.replace('-', '')}/{found[2] or ''}".rstrip("/")
    return None


def _ignore_there(target: Target, path: str, body: dict[str, Any]) -> None:
    try:
        target.ask("POST", path, body)
    except HeadwaterError as error:
        if "already exists" not in error.message:
            raise


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _all(search: Any, *args: Any) -> Iterator[Any]:
    token: str | None = None
    while True:
        found = search(*args, max_results=_PAGE, page_token=token)
        yield from found
        token = found.token
        if not token:
            return
