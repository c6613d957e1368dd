"""Runs as people name them on the command line: whole ids, their ends or beginnings, "latest", flow/run."""

from typing import Any

from headwater.client import resources
from headwater.client.pathspec import flow_in, split_target
from headwater.errors import InvalidArgument, NotFound

SHORT = 8


def short(run_id: str) -> str:
    """The last characters of a run id: enough to name it."""
    return run_id[-SHORT:]


def find_run(text: str) -> dict[str, Any]:
    """The run that `text` names (the server knows ends of ids; a beginning is looked up here). Raises NotFound."""
    run_id, _, _ = split_target(text)
    flow = flow_in(text)
    found = _find(run_id, flow)
    if flow and found.get("flow") != flow:
        raise NotFound(f"run {run_id} is of flow {found.get('flow')!r}, not of {flow!r}", field="run")
    return found


def _find(run_id: str, flow: str) -> dict[str, Any]:
    try:
        return resources.get_run(run_id, flow)
    except NotFound as error:
        if len(run_id) < 4 or run_id == "latest":
            raise
        found = [run for run in resources.list_runs(limit=1000) if run["runId"].startswith(run_id)]
        if len(found) > 1:
            raise InvalidArgument(f"{len(found)} runs begin with {run_id!r}", hint="use the end of the id") from None
        if not found:
            error.hint = error.hint or "`headwater runs` lists what there is"
            raise
        return found[0]
