"""Artifacts of a task as values: DataArtifact, `task.data` and `task.artifacts`.

Reads manifests with the runtime's own codec; bytes come from artifacts/blobs.py when a value is first asked for.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.client import spins
from headwater.client.member import Member
from headwater.errors import ArtifactError, HeadwaterError, NotFound
from headwater.runtime import uses

if TYPE_CHECKING:
    from headwater.client.tasks import Task
    from headwater.runtime.store import InputStore


class DataArtifact(Member):
    """One artifact of one task. Nothing is downloaded before `.data` is read.

    id: its name; pathspec: flow/run/step/task/name; sha: sha256 of the stored bytes; size: bytes; type: Python type.
    """

    def __init__(
        self,
        pathspec: str,
        attempt: int | None = None,
        *,
        _task: "Task | None" = None,
        _namespace_check: bool = True,
    ) -> None:
        from headwater.client.pathspec import split
        from headwater.client.tasks import Task

        *path, self.id = split(pathspec, 5)
        made = _task if _task is not None else Task("/".join(path), attempt, _namespace_check=_namespace_check)
        self._task = made
        self._values = self._task._values  # pyright: ignore[reportPrivateUsage]
        if self.id not in self._values:
            raise NotFound(f"task {self._task.pathspec} has no artifact {self.id!r}", field="artifact")

    @property
    def pathspec(self) -> str:
        return f"{self._task.pathspec}/{self.id}"

    @property
    def parent(self) -> "Task":
        return self._task

    @property
    def data(self) -> Any:
        """The value. Raises ArtifactError when it cannot be read, DataLoss when its bytes are damaged."""
        return self._values.load(self.id)

    @property
    def sha(self) -> str:
        return self._values.entry(self.id).get("digest", "")

    @property
    def size(self) -> int:
        return int(self._values.entry(self.id).get("size", 0))

    @property
    def type(self) -> str:
        return self._values.entry(self.id).get("type", "")

    @property
    def encoding(self) -> str:
        return self._values.entry(self.id).get("encoding", "")

    @property
    def has_blob(self) -> bool:
        """Do its bytes lie in a blob of their own (and not inside a manifest or a pack)?"""
        entry = self._values.entry(self.id)
        return entry.get("encoding") != "parameter" and not {"inline", "pack"} & set(entry)

    @property
    def finished_at(self) -> datetime | None:
        return self._task.finished_at

    created_at = finished_at

    @property
    def user_tags(self) -> frozenset[str]:
        return self._task.user_tags

    @property
    def system_tags(self) -> frozenset[str]:
        return self._task.system_tags


class Values:
    """Names and values of one task's manifest and of the parameters of its run, each loaded once."""

    def __init__(self, where: str, manifest: bytes, parameters: dict[str, Any]) -> None:
        self._where = where
        self._manifest = manifest
        self._parameters = parameters
        self._cache: dict[str, Any] = {}
        self._spun = spins.root
        self._opened: InputStore | None = None

    @property
    def _store(self) -> "InputStore":
        if self._opened is None:
            from headwater.artifacts import blobs
            from headwater.runtime.store import InputStore

            def get_blob(digest: str) -> Path:
                return spins.blob(self._spun, digest) or blobs.get(digest)

            self._opened = InputStore(self._manifest, get_blob, blobs.cache() / "files")
        return self._opened

    def names(self) -> list[str]:
        names = list(self._store.names())
        return sorted({*names, *self._parameters})

    def assigned(self) -> list[str]:
        """Names that this very task assigned, without those it inherited."""
        return sorted(self._store.manifest.new)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._parameters or name in set(self._store.names()))

    def _is_parameter(self, name: object) -> bool:
        """Tasks store what their parameters became where that differs from what the run was given: included files."""
        return name in self._parameters and name not in self._store.manifest.artifacts

    def is_stored(self, name: str) -> bool:
        """Is it an artifact, and not a parameter as the run was given it?"""
        return not self._is_parameter(name)

    def reads(self) -> dict[str, Any]:
        """What the task has noted of its reads (docs/formats.md); {"all": …} where it cannot tell."""
        return self._body().get("reads") or {"all": "", "parameters": ["*"]}

    def data(self) -> list[dict[str, str]]:
        """The versions of datasets, and the single files, that the task has read: {"uri", "digest"} each."""
        return self._body().get("data", [])

    def _body(self) -> dict[str, Any]:
        import json

        from headwater.artifacts import blobs

        body = json.loads(self._manifest) if self._manifest else {}
        return json.loads(blobs.get(body["manifest"]).read_bytes()) if "manifest" in body else body

    def entry(self, name: str) -> dict[str, Any]:
        if self._is_parameter(name):
            return {"type": type(self._parameters[name]).__name__, "encoding": "parameter"}
        return self._store.entry(name)

    def load(self, name: str) -> Any:
        if self._is_parameter(name):
            return self._parameters[name]
        if name not in self._cache:
            self._cache[name] = self._load(name)
            uses.note(run=self._where.split("/")[1], artifact=name, digest=self._store.entry(name).get("digest", ""))
        return self._cache[name]

    def _load(self, name: str) -> Any:
        if self._store.entry(name).get("encoding") == "metaflow":
            raise ArtifactError(
                f"artifact {name!r} of {self._where} lies in the datastore of the Metaflow client that made it",
                name=name,
                hint="read it with Metaflow's own client; `headwater env` connects it",
            )
        try:
            return self._store.load(name)
        except (HeadwaterError, KeyError, MemoryError):
            raise
        except (ImportError, AttributeError) as error:
            kind = self._store.entry(name).get("type", "")
            raise ArtifactError(
                f"artifact {name!r} of {self._where} is a {kind}, which this Python cannot load: {error}",
                name=name,
                hint="install the package it comes from, or run where the flow's own modules can be imported",
            ) from error
        except Exception as error:
            raise ArtifactError(f"artifact {name!r} of {self._where} cannot be read: {error}", name=name) from error


class TaskData:
    """`task.data`: artifacts as attributes, each loaded when it is first read. `"x" in task.data` tests for one."""

    def __init__(self, values: Values, where: str) -> None:
        self._values = values
        self._where = where

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._values:
            raise AttributeError(_missing(name, self._where, self._values))
        return self._values.load(name)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __dir__(self) -> list[str]:
        return self._values.names()

    def __repr__(self) -> str:
        return f"<data of {self._where}: {', '.join(self._values.names())}>"


class TaskArtifacts:
    """`task.artifacts`: DataArtifacts as attributes; iterates over them in order of their names."""

    def __init__(self, task: "Task", values: Values) -> None:
        self._task = task
        self._values = values

    def __getattr__(self, name: str) -> DataArtifact:
        if name.startswith("__") or name not in self._values:
            raise AttributeError(_missing(name, self._task.pathspec, self._values))
        return DataArtifact(f"{self._task.pathspec}/{name}", _task=self._task)

    def __iter__(self) -> Iterator[DataArtifact]:
        return (DataArtifact(f"{self._task.pathspec}/{name}", _task=self._task) for name in self._values.names())

    def __len__(self) -> int:
        return len(self._values.names())

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __dir__(self) -> list[str]:
        return self._values.names()


def _missing(name: str, where: str, values: Values) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, values.names(), 1)
    return f"task {where} has no artifact {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")
