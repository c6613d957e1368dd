"""Nodes and edges of the lineage graph: their kinds, and ids that follow from what they are, so that whoever tells of a
node first, and how often, makes no difference. Pure."""

import hashlib
import json
import uuid
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

# Numbers are stored: never changed.
KINDS = {
    "run": 1, "task": 2, "step": 3, "artifact": 4, "blob": 5, "code": 6, "environment": 7, "parameter": 8,
    "parameters": 9, "metric": 10, "dataset": 11, "model": 12, "logged_model": 13, "alias": 14, "event": 15,
}  # fmt: skip
EDGES = {
    "ran": 1, "read": 2, "wrote": 3, "holds": 4, "gathers": 5, "took_over": 6, "triggered": 7, "used": 8, "made": 9,
    "registered": 10, "logged": 11, "points_to": 12, "given": 13,
}  # fmt: skip
KIND_NAMES = {number: name for name, number in KINDS.items()}
EDGE_NAMES = {number: name for name, number in EDGES.items()}

# Of what is told by several events alike.
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
MOST_TEXT = 1000
PARAMETERS, METRICS = "_parameters", "_metrics"


class Node(NamedTuple):
    """One node as one event tells of it. at: None when the event only knows that it is there. owner: the run or model
    with which it ends."""

    id: uuid.UUID
    project: str
    kind: int
    owner: uuid.UUID | None
    label: str
    at: datetime | None = None
    attrs: str = ""

    @property
    def group(self) -> int:
        """Equal for siblings: tasks of a step, values of an artifact, versions of a model."""
        mark = _GROUPED.get(self.kind, "")
        sort = self.label if mark is None else self.label.partition(mark)[0] if mark else ""
        return zlib.crc32(f"{self.kind} {self.owner} {sort}".encode()) - (1 << 31)

    def told(self, at: datetime, attrs: Mapping[str, Any] | None = None) -> "Node":
        """What it is, as it is known at some time."""
        text = json.dumps(attrs, sort_keys=True, separators=(",", ":"), default=str) if attrs else ""
        return self._replace(at=at, attrs=text)


# What ends the part of a label that siblings share; None: they share nothing.
_GROUPED: dict[int, str | None] = {
    KINDS["task"]: "/", KINDS["step"]: "/", KINDS["artifact"]: "@", KINDS["parameter"]: None, KINDS["metric"]: None,
}  # fmt: skip


class Edge(NamedTuple):
    """target comes from source."""

    source: Node
    target: Node
    kind: int

    @property
    def key(self) -> tuple[uuid.UUID, uuid.UUID, int]:
        return self.source.id, self.target.id, self.kind


class Name(NamedTuple):
    """What a run or a model is called since some time."""

    id: uuid.UUID
    project: str
    kind: int
    name: str
    at: datetime


def edge(source: Node, kind: str, target: Node) -> Edge:
    return Edge(source, target, EDGES[kind])


def cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def _hash(*parts: object) -> bytes:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).digest()


def _free(project: str, kind: str, label: str) -> Node:
    """A node that nobody owns: it is there as long as an edge needs it."""
    return Node(uuid.UUID(bytes=_hash(project, kind, label)[:16]), project, KINDS[kind], None, label)


def _of_run(project: str, run: uuid.UUID, kind: str, label: str) -> Node:
    # Beginning like the id of the run, which begins with its time: what belongs together lies together.
    key = run.bytes[:6] + _hash(project, run, kind, label)[:10]
    return Node(uuid.UUID(bytes=key), project, KINDS[kind], run, label)


def run(project: str, run_id: uuid.UUID) -> Node:
    return _of_run(project, run_id, "run", "")


def task(project: str, run_id: uuid.UUID, step: str, path: str, index: int, task_id: str = "") -> Node:
    """Siblings follow one another in the order of their indexes."""
    first = _hash(project, run_id, "task", step, path)[:6]
    label = f"{step}/{task_id or named(path, index)}"
    place = (index & 0xFFFFFFFF).to_bytes(4, "big")
    return Node(uuid.UUID(bytes=run_id.bytes[:6] + first + place), project, KINDS["task"], run_id, label)


def named(path: str, index: int) -> str:
    """Id of a task: the opposite of located()."""
    before, mark, loops = path.partition("~")
    return f"{before}.{index}{mark}{loops}" if before else f"{index}{mark}{loops}"


def located(task_id: str) -> tuple[str, int]:
    """(path, index) of a task's id. Raises ValueError.

    >>> located("2.0.3"), located("0~1")
    (('2.0', 3), ('~1', 0))
    """
    indexes, mark, loops = task_id.partition("~")
    before, _, last = indexes.rpartition(".")
    return before + mark + loops, int(last)


def gather(project: str, run_id: uuid.UUID, step: str, path: str) -> Node:
    """All tasks of a step within a foreach."""
    return _of_run(project, run_id, "step", f"{step}/{path}".rstrip("/"))


def artifact(project: str, run_id: uuid.UUID, name: str, digest: str) -> Node:
    """A value under a name within a run, whichever of its tasks made it."""
    return _of_run(project, run_id, "artifact", f"{name}@{digest}")


def parameter(project: str, run_id: uuid.UUID, name: str) -> Node:
    return _of_run(project, run_id, "parameter", f"{PARAMETERS}/{name}")


def parameters(project: str, run_id: uuid.UUID) -> Node:
    """All of a run, for who cannot tell which it has looked at."""
    return _of_run(project, run_id, "parameters", PARAMETERS)


def metric(project: str, run_id: uuid.UUID, key: str) -> Node:
    return _of_run(project, run_id, "metric", f"{METRICS}/{key}")


def blob(project: str, digest: str) -> Node:
    return _free(project, "blob", digest)


def code(project: str, label: str) -> Node:
    """label: the digest of a package, or what a client calls it."""
    return _free(project, "code", label)


def environment(project: str, digest: str) -> Node:
    return _free(project, "environment", digest)


def dataset(project: str, label: str) -> Node:
    """label: "name/version" of the platform's own, "name@digest" of what an MLflow client has told of."""
    return _free(project, "dataset", label)


def data(project: str, uri: str) -> Node:
    """A version of a dataset; any other place of data by its URI."""
    known = uri.removeprefix("dataset://")
    name, _, number = known.rpartition("/")
    if known != uri and name and number.isdecimal():
        return dataset(project, known)
    return dataset(project, f"{cut(uri)}@")


def logged_model(project: str, ident: str) -> Node:
    return _free(project, "logged_model", ident)


def event(project: str, ident: str) -> Node:
    return _free(project, "event", ident)


def model_id(project: str, uid: int, name: str) -> uuid.UUID:
    """A model, whatever it is called; one whose events tell no number, by its name."""
    return uuid.UUID(bytes=_hash(project, "model", uid or f"={name}")[:16])


def version(project: str, model: uuid.UUID, number: int) -> Node:
    key = _hash(model, "version", number)[:16]
    return Node(uuid.UUID(bytes=key), project, KINDS["model"], model, str(number))


def alias(project: str, model: uuid.UUID, name: str) -> Node:
    key = _hash(model, "alias", name)[:16]
    return Node(uuid.UUID(bytes=key), project, KINDS["alias"], model, f"@{name}")
