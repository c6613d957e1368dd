"""How people name nodes of the lineage graph, taken apart. Pure: whether there is such a node, the store knows."""

import re
import uuid
from dataclasses import dataclass

from headwater_server.artifact.limits import check_text, full_run_id, is_digest
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

HINT = (
    "name a run Flow/RUN, a task Flow/RUN/STEP/TASK, an artifact Flow/RUN/STEP/TASK/NAME, sha256:DIGEST, "
    "models:/NAME/VERSION, models:/NAME@ALIAS or dataset://NAME/VERSION"
)
_LOGGED = re.compile(r"m-[0-9a-f]{32}")


@dataclass(frozen=True)
class OfDigest:
    """Whatever has these bytes."""

    digest: str


@dataclass(frozen=True)
class OfRun:
    """A run, or what lies in it: its step, task, artifact, parameter or metric. run: as it was given."""

    flow: str
    run: str
    rest: tuple[str, ...] = ()


@dataclass(frozen=True)
class OfValue:
    """An artifact by its name and digest, as answers give it."""

    run: uuid.UUID
    name: str
    digest: str


@dataclass(frozen=True)
class OfModel:
    """A version of a registered model, or an alias."""

    name: str
    version: int = 0
    alias: str = ""


@dataclass(frozen=True)
class Free:
    """Something that no run or model owns: dataset, logged_model, code or event."""

    kind: str
    label: str


Named = OfDigest | OfRun | OfValue | OfModel | Free


def parse(text: str) -> Named:
    """Raises InvalidArgument."""
    check_text(text, "node")
    if not text.strip():
        raise InvalidArgument("node: is empty", field="node", hint=HINT)
    scheme, mark, rest = text.partition(":")
    match scheme if mark else "":
        case "sha256":
            return OfDigest(_digest(rest, text))
        case "models":
            return _model(rest.lstrip("/"), text)
        case "dataset":
            return _dataset(rest, text)
        case "code" | "event" | "environment":
            return Free(scheme, rest.removeprefix("sha256:") or _fail(text))
    return OfDigest(text) if is_digest(text) else _path(text)


def _fail(text: str, why: str = "names no node of lineage") -> str:
    raise InvalidArgument(f"node: {shown(text)} {why}", field="node", hint=HINT)


def _digest(digest: str, text: str) -> str:
    return digest if is_digest(digest) else _fail(text, "is no sha256: 64 lowercase hex digits")


def _model(rest: str, text: str) -> Named:
    if _LOGGED.fullmatch(rest):
        return Free("logged_model", rest)
    name, mark, alias = rest.rpartition("@")
    if mark and name and alias and "/" not in alias:
        return OfModel(name, alias=alias)
    name, _, number = rest.rpartition("/")
    if name and number.isascii() and number.isdecimal() and 0 < int(number) < 2**31:
        return OfModel(name, version=int(number))
    _fail(text, "is neither models:/NAME/VERSION nor models:/NAME@ALIAS")
    raise AssertionError


def _dataset(rest: str, text: str) -> Named:
    if not rest.startswith("//") and "@" in rest:
        return Free("dataset", rest)
    label = rest.removeprefix("//")
    name, _, number = label.rpartition("/")
    if name and number.isascii() and number.isdecimal() and 0 < int(number) < 2**31:
        return Free("dataset", f"{name}/{int(number)}")
    _fail(text, "is not dataset://NAME/VERSION")
    raise AssertionError


def _path(text: str) -> Named:
    before, mark, digest = text.rpartition("@sha256:")
    if mark:
        run, _, name = before.rpartition("/")
        run = run.rpartition("/")[2]
        found = full_run_id(run)
        if found is None or not name:
            _fail(text)
        assert found is not None
        return OfValue(found, name, _digest(digest, text))
    parts = text.strip("/").split("/")
    if not all(parts):
        _fail(text, "has an empty part")
    for place, part in enumerate(parts):  # names of experiments may have slashes
        if full_run_id(part):
            return OfRun("/".join(parts[:place]), part, tuple(parts[place + 1 :]))
    if len(parts) == 1:
        return OfRun("", parts[0])
    return OfRun(parts[0], parts[1], tuple(parts[2:]))
