"""Events that lineage is built from, as short as a test wants them."""

import hashlib
import json
from typing import Any

from headwater.api.events.v1 import events_pb2
from headwater_server.artifact.lineage.tasks import identity_of
from headwater_server.kit.clock import timestamp

RUN = "01890a5d-ac96-774b-bcce-b302099a8057"
OTHER = "01890a5d-ac96-774b-bcce-b302099a8058"
CODE = "c0" * 32


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def entry(text: str, **more: Any) -> dict[str, Any]:
    """An artifact that lies in a blob of its own."""
    return {"type": "str", "encoding": "pickle5", "size": len(text), "digest": sha(text), **more}


def manifest(new: dict[str, Any], inherited: dict[str, Any] | None = None, **more: Any) -> str:
    """reads: artifacts may be a list of names of inherited ones."""
    inherited = inherited or {}
    reads = more.get("reads")
    if reads and isinstance(reads.get("artifacts"), list):
        reads["artifacts"] = {name: identity_of(inherited[name]) for name in reads["artifacts"]}
    return json.dumps({"v": 1, "artifacts": inherited | new, "new": list(new), **more})


def started(run: str = RUN, project: str = "default", **more: Any) -> events_pb2.RunStarted:
    more = {"flow": "F", "code_package": CODE, "at": timestamp()} | more
    return events_pb2.RunStarted(run_id=run, project=project, **more)


def succeeded(
    step: str = "train", task_id: str = "0", run: str = RUN, project: str = "default", manifest: str = "{}", **more: Any
) -> events_pb2.TaskSucceeded:
    index = int(task_id.rpartition(".")[2])
    more = {"flow": "F", "index": index, "attempt": 1, "at": timestamp(), "manifest_json": manifest} | more
    return events_pb2.TaskSucceeded(run_id=run, project=project, step=step, task_id=task_id, **more)


def version(name: str = "churn", number: int = 1, **more: Any) -> events_pb2.ModelVersionCreated:
    more = {"project": "default", "model_uid": 7, "at": timestamp()} | more
    return events_pb2.ModelVersionCreated(name=name, version=number, **more)
