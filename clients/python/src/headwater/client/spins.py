"""inspect_spin(): lets the client read what `spin --persist` left in a folder, in place of the server.

A spun task is a file spin.json with its Run and Task as the API would give them; its values are beside it.
"""

import json
from pathlib import Path
from typing import Any

from headwater.errors import NotFound

# The folder that is read in place of the server; None: the server is.
root: Path | None = None
FOLDER = ".headwater_spin"


def inspect_spin(datastore_root: str = ".") -> str:
    """Reads spun tasks from a folder from now on; metadata("") or default_metadata() goes back to the server."""
    global root
    folder = Path(datastore_root).expanduser().absolute()
    root = folder if folder.name == FOLDER else folder / FOLDER
    return f"spin@{root}"


def forget() -> None:
    """Goes back to the server."""
    global root
    root = None


def task_folder(base: Path, run_id: str, step: str, task_id: str) -> Path:
    return base / run_id / step / task_id


def get_run(run_id: str) -> dict[str, Any]:
    """The run that a spun task belongs to. Raises NotFound."""
    for each in _spun(run_id):
        return each["run"]
    raise NotFound(f"no task of run {run_id!r} was spun into {root}", field="run_id", hint="spin it with --persist")


def list_tasks(run_id: str, step: str, task_id: str) -> list[dict[str, Any]]:
    found = [each["task"] for each in _spun(run_id)]
    return [t for t in found if step in ("", t["key"]["step"]) and task_id in ("", t.get("taskId", "0"))]


def blob(folder: Path | None, digest: str) -> Path | None:
    """The file of a value that a spun task left there, if it is one."""
    found = folder / "blobs" / digest if folder is not None else None
    return found if found is not None and found.exists() else None


def _spun(run_id: str) -> list[dict[str, Any]]:
    assert root is not None
    return [json.loads(path.read_text()) for path in sorted((root / run_id).glob("*/*/spin.json"))]
